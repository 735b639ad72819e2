import { form, recordForm } from '../form.ts'
import { html, named, type SafeHtml } from '../html.ts'
import { moment } from '../moment.ts'
import type { ScopeInWords } from '../scope-list.ts'
import type { AccountPage } from './page.ts'
import { records } from './records.ts'

export interface AccountToken {
  readonly id: string
  readonly name: string
  readonly prefixHint: string
  /** None: whatever the person may do. */
  readonly scopes: readonly ScopeInWords[] | undefined
  readonly createdAt: Date
  readonly lastUsedAt: Date | undefined
  readonly expiresAt: Date | undefined
  readonly expired: boolean
}

/** Just made: the only page that ever shows it. */
export interface MadeToken {
  readonly name: string
  readonly value: string
}

const NONE = html`<p class="empty">None. A personal access token lets a script of yours use the management API in your name.</p>`

export const tokensSection = (props: AccountPage): SafeHtml => html`<section aria-labelledby="tokens">
<h2 id="tokens">Personal access tokens</h2>
${props.madeToken && shownOnce(props.madeToken)}
${records(props.tokens.map((token) => record(props, token))) ?? NONE}
${
  props.signInAgainHref === undefined
    ? creation(props)
    : html`<p class="note">To make one, <a href="${props.signInAgainHref}">sign in again to make tokens</a>: you did so a while ago.</p>`
}
</section>`

const shownOnce = ({ name, value }: MadeToken) => html`<div class="notice" role="status">
<p>This is ${named(name)}. Copy it now: it is never shown again.</p>
<p class="secret"><code>${value}</code></p>
</div>`

const record = ({ csrf, actions }: AccountPage, token: AccountToken) => html`<div class="record">
<p><strong>${named(token.name)}</strong> <code>${token.prefixHint}…</code>${token.expired && html` <span class="badge">Expired</span>`}</p>
<p class="fine">Made ${moment(token.createdAt)} · ${token.lastUsedAt ? html`last used ${moment(token.lastUsedAt)}` : 'never used'} · ${
  token.expiresAt ? html`expires ${moment(token.expiresAt)}` : 'never expires'
}</p>
<p class="fine">${token.scopes ? token.scopes.map(({ words }) => words).join(' · ') : 'Whatever you may do'}</p>
</div>
${recordForm({ action: actions.revokeToken, csrf }, token.id, 'Revoke', token.name, 'danger')}`

/** Words to choose by, each with a box of its own name: the form's fields don't repeat. */
const creation = ({
  csrf,
  actions,
  tokenScopes,
}: AccountPage) => html`<details><summary>Make a personal access token</summary>
${form(
  { action: actions.makeToken, csrf },
  html`<label for="token-name">Name of a new token</label>
<input id="token-name" name="name" required maxlength="100" autocomplete="off" placeholder="Backup script">
<label for="token-days">Expires</label>
<select id="token-days" name="days">
<option value="7">in 7 days</option><option value="30" selected>in 30 days</option><option value="90">in 90 days</option>
<option value="365">in a year</option><option value="never">never</option>
</select>
<fieldset><legend>What it may do</legend>
${checkbox('everything', 'Whatever I may do, now and later', undefined)}
${tokenScopes.map(({ name, words }) => checkbox(`scope:${name}`, words, name))}
</fieldset>
<button class="primary">Make the token</button>`,
)}
</details>`

const checkbox = (field: string, words: string, scope: string | undefined) => html`<p class="choice">
<input type="checkbox" id="token-${field}" name="${field}" value="yes"><label for="token-${field}">${words}${
  scope !== undefined && html` <code>${scope}</code>`
}</label></p>`
