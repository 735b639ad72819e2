import { recordForm } from '../form.ts'
import { html, named, type SafeHtml } from '../html.ts'
import { moment } from '../moment.ts'
import { type ScopeInWords, scopeList } from '../scope-list.ts'
import type { AccountPage } from './page.ts'
import { records } from './records.ts'

export interface AccountConsent {
  readonly id: string
  readonly app: { readonly name: string }
  /** Per resource; what is about the account itself, such as its email, has none. */
  readonly scopes: readonly {
    readonly resource?: { readonly name: string } | undefined
    readonly scopes: readonly ScopeInWords[]
  }[]
  readonly grantedAt: Date
}

const NONE = html`<p class="empty">No app has access in your name.</p>`

export const consentsSection = (props: AccountPage): SafeHtml => html`<section aria-labelledby="consents">
<h2 id="consents">Apps with access</h2>
${records(props.consents.map((consent) => record(props, consent))) ?? NONE}
</section>`

const record = (
  { csrf, actions }: AccountPage,
  { id, app, scopes, grantedAt }: AccountConsent,
) => html`<div class="record">
<p><strong>${named(app.name)}</strong></p>
<p class="fine">Allowed ${moment(grantedAt)}</p>
<details><summary>What it may do<span class="for-the-ear"> – ${app.name}</span></summary>
${scopes.map(({ resource, scopes }) => [resource && html`<h3>At ${named(resource.name)}</h3>`, scopeList(scopes)])}
</details>
</div>
${recordForm({ action: actions.withdrawConsent, csrf }, id, 'Withdraw', `access of ${app.name}`, 'danger')}`
