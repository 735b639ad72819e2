import type { Mode } from '../../mode/mode.ts'
import { alert } from './alert.ts'
import { form } from './form.ts'
import { html, named } from './html.ts'
import { page } from './layout.ts'
import { passkeyForm, withoutPasskeys } from './passkey-form.ts'

export interface SecondFactorPage {
  readonly mode: Mode
  readonly csrf: string
  /** Gets `credential`, JSON. */
  readonly action: string
  readonly app?: { readonly name: string; readonly clientId: string } | undefined
  readonly tenant?: string | undefined
  readonly email: string
  readonly passkeyOptions: object
  readonly otherAccountAction: string
  readonly cancelAction?: string | undefined
  readonly error?: string | undefined
}

export const secondFactorPage = (props: SecondFactorPage): string =>
  page({
    mode: props.mode,
    title: props.app ? `Use your passkey to sign in to ${props.app.name}` : 'Use your passkey to sign in',
    failed: props.error !== undefined,
    passkeys: true,
    main: html`<h1>Use your passkey</h1>
<p class="lead">One more step to sign in as ${named(props.email)}${props.app && html` and continue to ${named(props.app.name)}`}${
      props.tenant !== undefined && html` at ${named(props.tenant)}`
    }.</p>
${alert(props.error)}
${passkeyForm({
  action: props.action,
  csrf: props.csrf,
  options: props.passkeyOptions,
  ceremony: 'get',
  content: html`<button class="primary">Use your passkey</button>`,
})}
${withoutPasskeys('This account asks for one after the password: sign in from a browser that has it.')}
<div>
${form({ action: props.otherAccountAction, csrf: props.csrf }, html`<button class="quiet">Use another account</button>`)}
${
  props.app &&
  props.cancelAction !== undefined &&
  form({ action: props.cancelAction, csrf: props.csrf }, html`<button class="quiet">Cancel</button>`)
}
</div>`,
  })
