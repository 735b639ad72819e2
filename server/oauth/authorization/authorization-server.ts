import type { Middleware } from 'koa'
import mount from 'koa-mount'
import Provider, { type Configuration, type JWK } from 'oidc-provider'
import type { KnownClient } from '../../credentials/client-registry.ts'
import type { Handler, RequestContext } from '../../http/context.ts'
import type { Consents } from '../../people/consent.ts'
import { CODE_LIFETIME } from '../authorization-code.ts'
import { DPOP_ALGS } from '../dpop-proof.ts'
import { ID_TOKEN_ALG } from '../id-token.ts'
import { createFindAccount, createLoadExistingGrant } from './account.ts'
import { createAdapter } from './adapter.ts'
import { createInteractionPolicy } from './interaction-policy.ts'
import { INTERACTION_LIFETIME, SESSION_LIFETIME } from './lifetimes.ts'
import { type NamedClients, nameClients } from './provider-client.ts'
import { type RequestedParams, resolveRequestedScope } from './requested-scope.ts'

/** oidc-provider for one mode and one set of signing keys: what a browser sees of the authorization code flow. */
export interface AuthorizationServer {
  readonly provider: Provider
  readonly clients: NamedClients
  /** Authorization requests and their continuation, pushed ones, and logout. */
  readonly handle: Handler
}

type AdapterNeeds = Parameters<typeof createAdapter>[0]
type AccountNeeds = Parameters<typeof createFindAccount>[0]

interface Needs extends Omit<AdapterNeeds, 'consents'>, Omit<AccountNeeds, 'consents'> {
  consents: Consents
  issuer: string
  mode: string
  /** A client that may use the authorization code flow now; undefined for all others. */
  findClient(clientId: string, resource: readonly string[], ip: string): Promise<KnownClient | undefined>
  /** Private JWKs, the preferred one of each algorithm first. */
  signingKeys: readonly JWK[]
  /** Signs cookies; the same on all nodes of a mode. */
  cookieKeys: string[]
  pages: Pages
}

/** What oidc-provider shows a person by itself. */
export interface Pages {
  error(ctx: RequestContext, error: { readonly error: string; readonly error_description?: string | undefined }): void
  confirmSignOut(
    ctx: RequestContext,
    form: { readonly action: string; readonly xsrf: string; readonly app: string | undefined },
  ): void
  signedOut(ctx: RequestContext): void
}

/** `form_post` submits itself by a script, whose hash the library adds to `script-src` where there is one. */
const SELF_SUBMITTING = "default-src 'none'; script-src; base-uri 'none'; frame-ancestors 'none'"

/** When the keys change, build another: it takes 0.5 ms, and requests under way finish on the old one. */
export function createAuthorizationServer(needs: Needs): AuthorizationServer {
  const failures = new WeakMap<object, unknown>()
  const https = needs.issuer.startsWith('https:')
  const late: { clients?: NamedClients } = {}
  const clients: NamedClients = { knownOf: (client) => (late.clients as NamedClients).knownOf(client) }
  const provider = new Provider(needs.issuer, {
    ...configuration(needs, clients, https),
    adapter: createAdapter(needs),
  })
  late.clients = nameClients(provider, needs.findClient)
  alwaysSecure(provider, https)
  // A store that was away, or a mistake of ours: answered and logged where all such failures are.
  provider.on('server_error', (ctx, error) => failures.set(ctx.req, error))
  const mounted = mount(provider as never) as unknown as Middleware
  return {
    provider,
    clients,
    async handle(ctx) {
      asIssuer(ctx, needs.issuer)
      // Interactions are written with the app's cookies and read with the provider's: they must be the same.
      ctx.cookies = provider.createContext(ctx.req, ctx.res).cookies
      ctx.set('Content-Security-Policy', SELF_SUBMITTING)
      await mounted(ctx as never, async () => {})
      if (!failures.has(ctx.req)) return
      ctx.remove('Location')
      throw failures.get(ctx.req)
    },
  }
}

function configuration(needs: Needs, clients: NamedClients, https: boolean): Configuration {
  const { issuer, pages } = needs
  return {
    jwks: { keys: [...needs.signingKeys] },
    clientAuthMethods: ['none'],
    clientDefaults: { id_token_signed_response_alg: ID_TOKEN_ALG },
    cookies: cookies(needs, https),
    enabledJWA: { dPoPSigningAlgValues: DPOP_ALGS.filter((alg) => alg !== 'EdDSA') as never },
    expiresWithSession: () => false,
    features: {
      devInteractions: { enabled: false },
      userinfo: { enabled: false }, // ours: endpoints/userinfo.ts
      dPoP: { enabled: true }, // for `dpop_jkt`; proofs are verified by dpop-proof.ts
      pushedAuthorizationRequests: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => issuer,
        async getResourceServerInfo(ctx, _, client) {
          const params = ctx.oidc.params as RequestedParams
          const known = clients.knownOf(client)
          return resolveRequestedScope(known, issuer, params, scopeAsSent(ctx as never))
        },
      },
      rpInitiatedLogout: {
        enabled: true,
        logoutSource(ctx, form) {
          const { oidc } = ctx
          const xsrf = String((oidc.session as unknown as { state: { secret: string } }).state.secret)
          const action = /action="([^"]+)"/.exec(form)?.[1] ?? ''
          pages.confirmSignOut(ctx as never, { action, xsrf, app: oidc.client?.clientName })
        },
        postLogoutSuccessSource: (ctx) => pages.signedOut(ctx as never),
      },
    },
    findAccount: createFindAccount(needs, clients),
    interactions: { policy: createInteractionPolicy(), url: (_, { uid }) => `/oauth/interaction/${uid}` },
    issueRefreshToken: () => false, // the grants are ours
    loadExistingGrant: createLoadExistingGrant(needs, clients),
    pkce: { required: () => true },
    renderError: (ctx, out) => pages.error(ctx as never, out as { error: string }),
    responseTypes: ['code'],
    routes: {
      authorization: '/oauth/authorize',
      pushed_authorization_request: '/oauth/par',
      end_session: '/oauth/logout',
      token: '/oauth/token',
      jwks: '/oauth/jwks',
    },
    scopes: ['openid', 'email', 'offline_access'],
    claims: { openid: ['sub'], email: ['email'] },
    ttl: {
      AuthorizationCode: CODE_LIFETIME / 1000,
      Grant: INTERACTION_LIFETIME,
      Interaction: INTERACTION_LIFETIME,
      // A stranger's is there for the length of a request: whoever asks without end fills no table.
      Session: (_, { accountId }) => (accountId === undefined ? INTERACTION_LIFETIME : SESSION_LIFETIME),
    },
    acceptQueryParamAccessTokens: false,
    allowOmittingSingleRegisteredRedirectUri: true,
  }
}

/** Both modes may be on one host (localhost, two ports), which share a browser's cookies: hence the mode in the name. */
function cookies({ mode, cookieKeys }: Needs, https: boolean): NonNullable<Configuration['cookies']> {
  const attributes = { httpOnly: true, sameSite: 'lax', secure: https, signed: true, overwrite: true } as const
  const prefix = https ? '__Host-' : ''
  const pathed = https ? '__Secure-' : ''
  return {
    keys: cookieKeys,
    long: { ...attributes, path: '/' },
    short: attributes,
    names: {
      session: `${prefix}kc_session_${mode}`,
      interaction: `${pathed}kc_interaction_${mode}`,
      resume: `${pathed}kc_resume_${mode}`,
    },
  }
}

/** TLS ends before us: what decides is the issuer, not the socket. */
function alwaysSecure(provider: Provider, https: boolean): void {
  const createContext = provider.createContext.bind(provider)
  provider.createContext = ((...request: Parameters<typeof createContext>) => {
    const ctx = createContext(...request)
    ctx.cookies.secure = https
    return ctx
  }) as typeof provider.createContext
}

/** oidc-provider makes every URL from the request's host and scheme: they are the issuer's, whatever was sent. */
function asIssuer(ctx: RequestContext, issuer: string): void {
  const { host, protocol } = new URL(issuer)
  ctx.req.headers.host = host
  Object.defineProperty(ctx.request, 'protocol', { value: protocol.slice(0, -1), configurable: true })
}

/** A pushed request was resolved when it was pushed, and names its scopes. */
function scopeAsSent(ctx: RequestContext & { oidc: { body?: { scope?: unknown } } }): string | undefined {
  const { scope } = ctx.oidc.body ?? ctx.query
  return typeof scope === 'string' ? scope : undefined
}
