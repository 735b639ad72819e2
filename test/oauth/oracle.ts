import { randomBytes } from 'node:crypto'
import { createServer } from 'node:http'
import { exportJWK, generateKeyPair, type JWK } from 'jose'
import Provider, { type Adapter, type Configuration, errors, type TokenEndpointGrantContext } from 'oidc-provider'
import {
  buildTokenResponse,
  checkDpopReplay,
  resolveRequestedResources,
  validateDpop,
} from 'oidc-provider/lib/helpers/grants.js'
import supertest from 'supertest'
import { afterAll } from 'vitest'
import type { Key } from '../start.ts'

interface OracleResource {
  readonly identifier: string
  readonly scopes: readonly string[]
}

interface Needs {
  /** Of the server that it is compared with: a proof for one is a proof for the other. */
  readonly issuer: string
  readonly client: Key
  /** The first is the default one. */
  readonly resources: readonly [OracleResource, ...OracleResource[]]
  readonly algs: readonly string[]
}

export type Oracle = (form: string, headers: Record<string, string>) => supertest.Test

/** A bare oidc-provider: what its token endpoint answers is what ours must answer. */
export async function startOracle({ issuer, client, resources, algs }: Needs): Promise<Oracle> {
  const { privateKey } = await generateKeyPair('ES256', { extractable: true })
  const provider = new Provider(issuer, configuration({ issuer, client, resources, algs }, await exportJWK(privateKey)))
  const parameters = ['scope', 'resource']
  provider.registerGrantType('client_credentials', createGrant(provider), parameters, ['resource'])
  const server = createServer(provider.callback()).listen(0, '127.0.0.1')
  afterAll(() => void server.close().closeAllConnections())
  const { host } = new URL(issuer)
  return (form, headers) =>
    supertest(server)
      .post('/oauth/token')
      .set({ host, 'content-type': 'application/x-www-form-urlencoded', ...headers })
      .send(form)
}

function configuration({ client, resources, algs }: Needs, signingKey: JWK): Configuration {
  const { client_id, client_secret } = client
  return {
    adapter: createMemory(),
    jwks: { keys: [{ ...signingKey, alg: 'ES256', use: 'sig' } as never] },
    clients: [{ client_id, client_secret, grant_types: ['client_credentials'], response_types: [], redirect_uris: [] }],
    clientDefaults: { id_token_signed_response_alg: 'ES256' },
    clientAuthMethods: ['client_secret_basic', 'client_secret_post', 'private_key_jwt'],
    cookies: { keys: ['unused'] },
    enabledJWA: { dPoPSigningAlgValues: algs as never },
    features: {
      devInteractions: { enabled: false },
      dPoP: { enabled: true, nonceSecret: randomBytes(32) },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => resources[0].identifier,
        getResourceServerInfo(_, identifier) {
          const resource = resources.find((each) => each.identifier === identifier)
          if (!resource) throw new errors.InvalidTarget('no such resource')
          return { scope: resource.scopes.join(' '), accessTokenFormat: 'opaque' }
        },
      },
    },
    responseTypes: ['code'],
    routes: { token: '/oauth/token' },
    ttl: { ClientCredentials: 3600 },
  }
}

/** RFC 6749 §4.4 by the library's own helpers; its built-in one drops in silence the scopes that aren't there. */
const createGrant = (provider: Provider) => async (ctx: TokenEndpointGrantContext) => {
  const { client, params } = ctx.oidc
  const proof = await validateDpop(provider, ctx)
  const [resource, second] = await resolveRequestedResources(provider, ctx)
  if (!resource || second) throw new errors.InvalidTarget('exactly one resource')
  const scope = narrow([...resource.scopes], params?.scope as string | undefined)
  await checkDpopReplay(provider, ctx, proof, client.clientId)
  const token = new provider.ClientCredentials({ client, resourceServer: resource, scope } as never)
  if (proof) token.setThumbprint('jkt', proof.thumbprint)
  ctx.oidc.entity('ClientCredentials', token)
  const accessToken = await token.save()
  const { expiration: expiresIn, tokenType } = token
  ctx.body = buildTokenResponse(provider, { accessToken, expiresIn, tokenType, scope })
}

/** RFC 6749 §3.3, as strict as ours: all by default, and what is beyond is an error that names it. */
function narrow(available: readonly string[], requested: string | undefined): string {
  const scopes = requested === undefined ? available : [...new Set(requested.split(' '))]
  const beyond = scopes.filter((scope) => !available.includes(scope))
  if (beyond.length) throw new errors.InvalidScope('the client does not have these scopes', beyond.join(' '))
  return scopes.join(' ')
}

/** Forgets nothing: no test lives as long as a token. */
function createMemory(): (model: string) => Adapter {
  const kept = new Map<string, object>()
  return (model) =>
    ({
      upsert: async (id: string, payload: object) => void kept.set(`${model} ${id}`, payload),
      find: async (id: string) => kept.get(`${model} ${id}`),
      destroy: async (id: string) => void kept.delete(`${model} ${id}`),
    }) as unknown as Adapter
}
