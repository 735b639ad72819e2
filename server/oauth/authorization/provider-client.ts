import { decodeJwt } from 'jose'
import Provider, { type ClientMetadata } from 'oidc-provider'
import type { Client } from '../../credentials/client.ts'
import type { KnownClient } from '../../credentials/client-registry.ts'
import type { RequestContext } from '../../http/context.ts'
import { looksLikeUrl } from '../client-metadata/client-id-url.ts'
import { ID_TOKEN_ALG } from '../id-token.ts'
import { isRegisteredRedirectUri, redirectKind } from '../redirect-uri.ts'

/** oidc-provider's own idea of a client, with ours beside it. */
export interface ProviderClient {
  readonly clientId: string
  readonly redirectUris: readonly string[]
  readonly postLogoutRedirectUris?: readonly string[]
}

interface ProviderClients {
  new (metadata: ClientMetadata): ProviderClient
  prototype: {
    redirectUriAllowed(this: ProviderClient, uri: string): boolean
    postLogoutRedirectUriAllowed(this: ProviderClient, uri: string): boolean
  }
  find(id: unknown): Promise<ProviderClient | undefined>
}

export interface NamedClients {
  /** Whom the library's client stands for. */
  knownOf(client: object): KnownClient
}

/**
 * oidc-provider keeps 100 clients and builds the rest anew for each request. Here its client is made once for each
 * copy of ours and goes with it: as many as the registry holds, and no later than the next change.
 *
 * @param findClient a client that may use the authorization code flow now; undefined for all others
 */
export function nameClients(
  provider: Provider,
  findClient: (clientId: string, resource: readonly string[], ip: string) => Promise<KnownClient | undefined>,
): NamedClients {
  const made = new WeakMap<Client, ProviderClient>()
  const knowns = new WeakMap<object, KnownClient>()
  const clients = provider.Client as unknown as ProviderClients

  clients.find = async (id) => {
    // The `aud` of an id_token_hint is looked for before its signature is: it may be anything that JSON can be.
    if (typeof id !== 'string') return undefined
    const known = await findClient(id, looksLikeUrl(id) ? await requestedResource(provider) : [], requestAddress())
    if (!known) return undefined
    const client = made.get(known.client) ?? new clients(metadataOf(known.client))
    made.set(known.client, client)
    knowns.set(client, known)
    return client
  }
  clients.prototype.redirectUriAllowed = function (uri) {
    return isRegisteredRedirectUri(this.redirectUris, uri)
  }
  clients.prototype.postLogoutRedirectUriAllowed = function (uri) {
    return isRegisteredRedirectUri(this.postLogoutRedirectUris ?? [], uri)
  }
  return {
    knownOf(client) {
      const known = knowns.get(client)
      if (!known) throw new Error('a client that was never found')
      return known
    },
  }
}

interface Requested {
  readonly resource?: string | string[]
  readonly request_uri?: string
}

/** The library hands no request to whoever looks a client up. */
const requestAddress = (): string => (Provider.ctx as unknown as RequestContext).ip

const PUSHED = 'urn:ietf:params:oauth:request_uri:'

/** By which a client that is described by a document is found in a tenant; of a pushed request, what was pushed. */
async function requestedResource(provider: Provider): Promise<readonly string[]> {
  const ctx = Provider.ctx as unknown as RequestContext & { oidc: { params?: Requested; body?: Requested } }
  // While a pushed request's client is looked for, the library's params hold nothing but its name.
  const params = ctx.oidc.body ?? ctx.oidc.params ?? (ctx.query as Requested)
  const uri = typeof params.request_uri === 'string' ? params.request_uri : ''
  const pushed = uri.startsWith(PUSHED)
    ? await provider.PushedAuthorizationRequest.find(uri.slice(PUSHED.length))
    : undefined
  const { resource } = pushed ? (decodeJwt(pushed.request) as Requested) : params
  return [resource ?? []].flat().filter((each) => typeof each === 'string')
}

const metadataOf = ({ clientId, name, app }: Client): ClientMetadata => ({
  client_id: clientId,
  client_name: name,
  // Whoever must authenticate has done so before oidc-provider sees the request.
  token_endpoint_auth_method: 'none',
  application_type: app?.redirectUris.every((uri) => redirectKind(uri) === 'https') ? 'web' : 'native',
  redirect_uris: [...(app?.redirectUris ?? [])],
  post_logout_redirect_uris: [...(app?.postLogoutRedirectUris ?? [])],
  grant_types: ['authorization_code', 'refresh_token'],
  response_types: ['code'],
  require_pushed_authorization_requests: app?.requirePar ?? false,
  id_token_signed_response_alg: ID_TOKEN_ALG,
})
