import type { Mode } from '../../mode/mode.ts'
import { alert, describedByAlert } from './alert.ts'
import { type Form, form } from './form.ts'
import { html, named } from './html.ts'
import { page } from './layout.ts'
import { duration } from './moment.ts'
import { passkeyForm } from './passkey-form.ts'

export interface SignInPage {
  readonly mode: Mode
  readonly csrf: string
  /** Gets `email` and `password`. */
  readonly action: string
  /** Who asked for it; none at the account page's own sign-in. */
  readonly app?: { readonly name: string; readonly clientId: string } | undefined
  readonly tenant?: string | undefined
  /** What was typed before, or the `login_hint`. */
  readonly email?: string | undefined
  readonly error?: string | undefined
  /** Seconds to wait after too many attempts. */
  readonly retryAfter?: number | undefined
  readonly passkeyOptions?: object | undefined
  /** Gets `credential`, JSON. */
  readonly passkeyAction?: string | undefined
  /** Turns the app's request down. */
  readonly cancelAction?: string | undefined
}

export function signInPage(props: SignInPage): string {
  const { mode, csrf, action, app, tenant, email, passkeyOptions, passkeyAction, cancelAction } = props
  const error = whatWentWrong(props)
  return page({
    mode,
    title: app ? `Sign in to ${app.name}` : 'Sign in to your account',
    failed: error !== undefined,
    passkeys: passkeyOptions !== undefined,
    main: html`<h1>Sign in</h1>
<p class="lead">${purpose(app, tenant)}</p>
${alert(error)}
${credentialsForm({ action, csrf }, email, error)}
${
  passkeyOptions &&
  passkeyAction !== undefined &&
  passkeyForm({
    action: passkeyAction,
    csrf,
    options: passkeyOptions,
    ceremony: 'get',
    autofill: true,
    content: html`<p class="or">or</p><button class="secondary">Sign in with a passkey</button>`,
  })
}
${app && cancelAction !== undefined && form({ action: cancelAction, csrf }, html`<button class="quiet">Cancel</button>`)}`,
  })
}

function whatWentWrong({ error, retryAfter }: SignInPage): string | undefined {
  if (retryAfter === undefined) return error
  return `${error ?? 'Too many attempts.'} Try again in ${duration(retryAfter)}.`
}

const purpose = (app: SignInPage['app'], tenant: string | undefined) => {
  const where = tenant !== undefined && html` at ${named(tenant)}`
  return app ? html`to continue to ${named(app.name)}${where}` : html`to your Keycourt account${where}`
}

const credentialsForm = (to: Form, email: string | undefined, error: string | undefined) =>
  form(
    to,
    html`<label for="email">Email</label>
<input id="email" name="email" type="email" value="${email}" required maxlength="254" autocomplete="username webauthn"
  autocapitalize="none" spellcheck="false"${describedByAlert(error)}>
<label for="password">Password</label>
<input id="password" name="password" type="password" required autocomplete="current-password"${describedByAlert(error)}>
<button class="primary">Sign in</button>`,
  )
