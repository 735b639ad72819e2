import type { IncomingMessage } from 'node:http'
import type { Middleware } from 'koa'
import mount from 'koa-mount'
import Provider, { type Adapter, type ClientMetadata, type Configuration, type JWK } from 'oidc-provider'
import type { Client } from '../credentials/client.ts'
import type { KnownClient } from '../credentials/client-registry.ts'
import type { RequestContext } from '../http/context.ts'
import type { ParsedForm } from '../http/form.ts'
import { noStore } from '../http/oauth-answer.ts'
import { DPOP_ALGS, type DpopProofs } from './dpop-proof.ts'
import type { ProviderRoute } from './endpoints/token.ts'
import type { ClientCredentialsGrant } from './grants/client-credentials.ts'
import { registerClientCredentials } from './grants/client-credentials-by-provider.ts'

/** What our pipeline found out about a request before oidc-provider gets it. */
export interface Handover {
  /** Authenticated already: oidc-provider never compares a secret. */
  readonly known: KnownClient | undefined
  /** Set by a grant whose store was away: oidc-provider would answer 500. */
  failure?: unknown
}

export type Handovers = WeakMap<IncomingMessage, Handover>

interface Needs {
  issuer: string
  clientCredentials: ClientCredentialsGrant
  dpopProofs: DpopProofs
  /** Private JWKs, the preferred one of each algorithm first. */
  signingKeys: readonly JWK[]
  /** 32 bytes, the same on all nodes of a mode. */
  dpopNonceSecret: Buffer
  /** Signs what little oidc-provider keeps in cookies; the same on all nodes of a mode. */
  cookieKeys: string[]
}

/** An oidc-provider for one mode and one set of signing keys. When the keys change, build another: it takes 0.5 ms. */
export function createProviderRoute(needs: Needs): ProviderRoute {
  const handovers: Handovers = new WeakMap()
  const provider = new Provider(needs.issuer, configuration(needs))
  nameClients(provider, handovers)
  registerClientCredentials(provider, handovers, needs)
  const mounted = mount(provider as never) as unknown as Middleware

  return async (ctx, form, known) => {
    const handover: Handover = { known }
    handovers.set(ctx.req, handover)
    normalize(ctx, form, known?.client, needs.issuer)
    noStore(ctx) // the library sets no Pragma, which RFC 6749 §5.1 asks for
    await mounted(ctx as never, async () => {})
    if (handover.failure) throw handover.failure
  }
}

const configuration = (needs: Needs): Configuration => ({
  adapter: nothingStored,
  jwks: { keys: [...needs.signingKeys] },
  clientAuthMethods: ['client_secret_basic', 'client_secret_post'],
  clientDefaults: { id_token_signed_response_alg: 'ES256', grant_types: [], response_types: [], redirect_uris: [] },
  cookies: { keys: needs.cookieKeys },
  enabledJWA: { dPoPSigningAlgValues: [...DPOP_ALGS] },
  features: {
    devInteractions: { enabled: false },
    dPoP: { enabled: true, nonceSecret: needs.dpopNonceSecret },
    resourceIndicators: { enabled: true },
  },
  pkce: { required: () => true },
  responseTypes: ['code'],
  routes: { token: '/oauth/token' },
  scopes: ['openid', 'offline_access'],
})

/**
 * The grants that there are keep their state themselves, and the replay memory is ours (dpop-proof.ts): reaching this is
 * a mistake of ours, and must not end in the library's in-memory store.
 */
const nothingStored = (model: string): Adapter =>
  new Proxy({} as Adapter, {
    get: () => () => {
      throw new Error(`nothing stores ${model}`)
    },
  })

/** oidc-provider wants a secret in a client's metadata. Nothing is ever compared with, or keyed by, this one. */
const PLACEHOLDER = 'authenticated-before-oidc-provider'

/**
 * oidc-provider keeps 100 clients and builds the rest anew for each request. Here its client is made once for each
 * copy of ours, and goes with it: as many as the registry holds, and no later than the next change.
 */
function nameClients(provider: Provider, handovers: Handovers): void {
  const made = new WeakMap<Client, unknown>()
  const ProviderClient = provider.Client as unknown as {
    new (metadata: ClientMetadata): { clientId: string }
    prototype: { compareClientSecret(): boolean }
    find(id: string): Promise<unknown>
  }
  const knownOf = () => handovers.get((Provider.ctx as unknown as RequestContext).req)?.known

  ProviderClient.find = async (id) => {
    const client = knownOf()?.client
    if (!client || client.clientId !== id) return undefined
    const before = made.get(client)
    if (before) return before
    const fresh = new ProviderClient({
      client_id: id,
      client_secret: PLACEHOLDER,
      grant_types: ['client_credentials'],
      token_endpoint_auth_method: 'client_secret_basic',
    })
    made.set(client, fresh)
    return fresh
  }
  ProviderClient.prototype.compareClientSecret = () => knownOf() !== undefined
}

/**
 * What oidc-provider reads instead of what came: the form as our parser understood it, the one spelling of the client,
 * and the issuer's own host and scheme, from which it makes every URL (a proof's `htu` is compared with one).
 */
function normalize(ctx: RequestContext, form: ParsedForm, client: Client | undefined, issuer: string): void {
  const { client_id, client_secret, ...params } = form.params
  const body: Record<string, unknown> = { ...params, ...(form.resource.length && { resource: [...form.resource] }) }
  if (client) {
    const pair = `${encodeURIComponent(client.clientId)}:${PLACEHOLDER}`
    ctx.req.headers.authorization = `Basic ${Buffer.from(pair).toString('base64')}`
  } else if (client_id) {
    body.client_id = client_id
  }
  ;(ctx.request as { body?: unknown }).body = body
  const { host, protocol } = new URL(issuer)
  ctx.req.headers.host = host
  Object.defineProperty(ctx.request, 'protocol', { value: protocol.slice(0, -1), configurable: true })
}
