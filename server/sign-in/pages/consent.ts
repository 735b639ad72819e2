import type { Mode } from '../../mode/mode.ts'
import { form } from './form.ts'
import { html, named, type SafeHtml } from './html.ts'
import { page } from './layout.ts'
import { type ScopeInWords, scopeList } from './scope-list.ts'

export interface ConsentPage {
  readonly mode: Mode
  readonly csrf: string
  /** Gets `decision`, `allow` or `deny`. */
  readonly action: string
  readonly app: {
    readonly name: string
    readonly clientId: string
    /** Host of the redirect URI, or the scheme of a private-use one. */
    readonly redirectHost: string
    readonly homepage?: string | undefined
    /** It registered itself by a client ID metadata document: only its address is known to be true. */
    readonly unverified?: boolean | undefined
  }
  readonly tenant: string
  readonly account: { readonly email: string }
  readonly scopes: readonly {
    readonly resource: { readonly name: string; readonly identifier: string }
    readonly scopes: readonly ScopeInWords[]
  }[]
  readonly openidScopes: readonly ScopeInWords[]
  /** How long it stays signed in: "until you withdraw it, at most 90 days". */
  readonly refreshFor?: string | undefined
  readonly otherAccountAction: string
}

export const consentPage = (props: ConsentPage): string => {
  const { mode, csrf, action, app, tenant, account, refreshFor, otherAccountAction } = props
  return page({
    mode,
    title: `Allow ${app.name} access to ${tenant}`,
    main: html`<h1>Allow ${named(app.name)} to use your account?</h1>
<p class="lead">It asks for access to ${named(tenant)}, in your name.</p>
${app.unverified && unverifiedNotice(app.clientId)}
<div class="who"><p><span class="label">Signed in as</span> ${named(account.email)}</p>
${form({ action: otherAccountAction, csrf }, html`<button class="quiet">Not you? Use another account</button>`)}</div>
<h2>${named(app.name)} will be able to</h2>
${requested(props)}
${refreshFor !== undefined && html`<p class="note">It keeps this access while you are away, ${refreshFor}.</p>`}
${form(
  { action, csrf },
  html`<div class="decision">
<button class="primary" name="decision" value="allow">Allow</button>
<button class="secondary" name="decision" value="deny">Deny</button>
</div>`,
)}
<p class="fine foot">${destination(app.redirectHost)} You can withdraw this at any time on your account page.${homepage(app.homepage)}</p>`,
  })
}

const requested = ({ openidScopes, scopes }: ConsentPage): SafeHtml => html`<div class="scopes">
${openidScopes.length > 0 && scopeList(openidScopes)}
${scopes.map(({ resource, scopes }) => [
  html`<h3>At ${named(resource.name)} <span class="address">${resource.identifier}</span></h3>`,
  scopeList(scopes),
])}
</div>`

const unverifiedNotice = (clientId: string) => html`<div class="unverified">
<p><strong>This app is not known to your tenant.</strong> Its name is what it calls itself; all that is certain is its address:</p>
<p class="host"><bdi>${breakable(hostOf(clientId))}</bdi></p>
</div>`

/** A host that is too long for a line breaks between its labels, never inside one, where it would read as another. */
const breakable = (host: string) => host.split('.').map((label, index) => [index > 0 && html`.<wbr>`, label])

const hostOf = (clientId: string): string => (URL.canParse(clientId) ? new URL(clientId).host : clientId)

const LOOPBACK = /^(localhost|127\.0\.0\.1|\[::1\])(:\d+)?$/

const destination = (host: string): SafeHtml =>
  LOOPBACK.test(host)
    ? html`Either way you return to a program on this device (${named(host)}).`
    : html`Either way you return to ${named(host)}.`

/** A link only if it is one: apps name their own homepage, and `javascript:` is a URL too. */
const homepage = (url: string | undefined) =>
  url !== undefined &&
  URL.canParse(url) &&
  new URL(url).protocol === 'https:' &&
  html` <a href="${url}" rel="noreferrer" target="_blank">About this app (new tab)</a>`
