import { type Form, form } from './form.ts'
import { html, type Piece, type SafeHtml } from './html.ts'

export interface PasskeyForm extends Form {
  /** `PublicKeyCredentialRequestOptionsJSON` or `…CreationOptionsJSON` of WebAuthn Level 3. */
  readonly options: object
  readonly ceremony: 'get' | 'create'
  /** Offer passkeys in the list that the browser shows on the email field (conditional mediation). */
  readonly autofill?: boolean
  readonly content: Piece
}

/**
 * A form that `passkey.js` fills in: it performs the ceremony and sends its outcome as `credential`. Hidden until the script
 * has found that the browser can do it.
 */
export const passkeyForm = ({ options, ceremony, autofill = false, content, ...to }: PasskeyForm): SafeHtml =>
  html`<div hidden data-passkey="${ceremony}" data-options="${JSON.stringify(options)}"${autofill && html` data-autofill`}>
${form(to, html`<input type="hidden" name="credential">${content}`)}
<p class="alert" role="alert" hidden data-passkey-failed></p>
</div>`

/** Why there is no button, for those who can't have one. */
export const withoutPasskeys = (consequence: string): SafeHtml =>
  html`<noscript><p class="note">A passkey needs JavaScript, which is off in this browser. ${consequence}</p></noscript>
<p class="note" hidden data-passkey-unsupported>This browser can’t use passkeys. ${consequence}</p>`
