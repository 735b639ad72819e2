import type { Mode } from '../../../mode/mode.ts'
import { alert } from '../alert.ts'
import { form } from '../form.ts'
import { html, named } from '../html.ts'
import { page } from '../layout.ts'
import type { ScopeInWords } from '../scope-list.ts'
import { type AccountConsent, consentsSection } from './consents.ts'
import { type AccountPasskey, passkeysSection } from './passkeys.ts'
import { type AccountToken, type MadeToken, tokensSection } from './personal-access-tokens.ts'
import { type AccountSession, sessionsSection } from './sessions.ts'

/** Where the forms go. Those about one record send its `id`. */
export interface AccountActions {
  readonly signOut: string
  /** Gets `id`. */
  readonly endSession: string
  readonly endOtherSessions: string
  /** Gets `id`. */
  readonly withdrawConsent: string
  /** Gets `name` and `credential`, JSON. */
  readonly addPasskey: string
  /** Gets `id` and `name`. */
  readonly renamePasskey: string
  /** Gets `id`. */
  readonly removePasskey: string
  /** Gets `required`, `true` or `false`. */
  readonly requirePasskey: string
  /** Gets `name`, `days`, and `everything` or a `scope:<name>` for each. */
  readonly makeToken: string
  /** Gets `id`. */
  readonly revokeToken: string
}

export interface AccountPage {
  readonly mode: Mode
  readonly csrf: string
  readonly actions: AccountActions
  readonly account: { readonly email: string; readonly role: string; readonly tenant: string }
  readonly sessions: readonly AccountSession[]
  readonly consents: readonly AccountConsent[]
  readonly passkeys: readonly AccountPasskey[]
  readonly tokens: readonly AccountToken[]
  /** What the person may give a token. */
  readonly tokenScopes: readonly ScopeInWords[]
  readonly madeToken?: MadeToken | undefined
  /** Whether a passkey is asked for after the password. */
  readonly passkeyRequired: boolean
  /** `PublicKeyCredentialCreationOptionsJSON`; none: no more can be added. */
  readonly registrationOptions: object | undefined
  /** Where to sign in again, for whoever hasn't lately enough to change passkeys or make tokens. */
  readonly signInAgainHref?: string | undefined
  readonly notice?: string | undefined
  readonly error?: string | undefined
}

export const accountPage = (props: AccountPage): string =>
  page({
    mode: props.mode,
    title: 'Your account',
    width: 'wide',
    failed: props.error !== undefined,
    passkeys: props.registrationOptions !== undefined,
    main: html`<div class="account">
<div><h1>Your account</h1>
<p class="lead">${named(props.account.email)}, ${props.account.role} at ${named(props.account.tenant)}</p></div>
${form({ action: props.actions.signOut, csrf: props.csrf }, html`<button class="secondary">Sign out</button>`)}
</div>
${alert(props.error)}
${props.notice !== undefined && html`<p class="notice" role="status">${props.notice}</p>`}
${consentsSection(props)}
${tokensSection(props)}
${passkeysSection(props)}
${sessionsSection(props)}`,
  })
