import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { exportJWK, generateKeyPair, type JWK } from 'jose'
import Provider, { type ClientMetadata, type Configuration, errors } from 'oidc-provider'
import { afterAll, vi } from 'vitest'
import { Profile } from '../../conformance/profile.ts'

export interface Subject {
  readonly issuer: string
  readonly profile: Profile
}

const RESOURCE = 'https://orders.example'
const REDIRECT_URI = 'https://app.example/callback'
const OWN = { grant_types: ['client_credentials'], redirect_uris: [], response_types: [] }
const DELEGATED = { grant_types: ['authorization_code', 'refresh_token'], redirect_uris: [REDIRECT_URI] }

/** It says of every default that it is one: here that is the point. */
for (const level of ['info', 'warn'] as const) vi.spyOn(console, level).mockImplementation(() => {})

interface Loosened {
  /** Over those of its features. */
  readonly settings?: Configuration
  /** Done to each request and its response, before oidc-provider sees them. */
  readonly tamper?: (request: IncomingMessage, response: ServerResponse) => void
}

/** A bare oidc-provider with the features that the suite looks at, and its own sign-in pages. */
export async function startOidcProvider({ settings = {}, tamper = () => {} }: Loosened = {}): Promise<Subject> {
  const server = createServer().listen(0, '127.0.0.1')
  afterAll(() => void server.close().closeAllConnections())
  await new Promise((resolve) => server.once('listening', resolve))
  const issuer = `http://localhost:${(server.address() as AddressInfo).port}`
  const signing = { ...(await newKey('RS256')), use: 'sig' }
  const robot = await newKey('ES256')
  const provider = new Provider(issuer, { ...configuration(signing, clientsWith(robot)), ...settings })
  provider.on('server_error', () => {}) // what it answers is what counts
  const handle = provider.callback()
  server.on('request', (request, response) => {
    tamper(request, response)
    handle(request, response)
  })
  return { issuer, profile: Profile.parse(profileWith(robot)) }
}

async function newKey(alg: string): Promise<JWK> {
  const { privateKey } = await generateKeyPair(alg, { extractable: true })
  return { ...(await exportJWK(privateKey)), alg, kid: `${alg} key` }
}

const secret = (name: string) => ({ client_id: name, client_secret: `the secret of ${name}` })

const publicHalf = ({ kty, crv, x, y, kid, alg }: JWK) => ({ kty, crv, x, y, kid, alg })

const clientsWith = (robot: JWK): ClientMetadata[] =>
  [
    { ...secret('machine'), ...OWN, scope: 'read write' },
    { ...secret('other-machine'), ...OWN },
    { ...secret('api'), ...OWN },
    {
      ...{ client_id: 'robot', ...OWN, jwks: { keys: [publicHalf(robot)] } },
      ...{ token_endpoint_auth_method: 'private_key_jwt', token_endpoint_auth_signing_alg: 'ES256' },
    },
    { client_id: 'app', ...DELEGATED, token_endpoint_auth_method: 'none' },
    { client_id: 'other-app', ...DELEGATED, token_endpoint_auth_method: 'none' },
  ] as ClientMetadata[]

const configuration = (signing: JWK, clients: ClientMetadata[]): Configuration => ({
  jwks: { keys: [signing as never] },
  clients,
  scopes: ['openid', 'offline_access', 'read', 'write'],
  cookies: { keys: ['of a test'] },
  findAccount: (_, accountId) => ({ accountId, claims: async () => ({ sub: accountId }) }),
  features: {
    clientCredentials: { enabled: true },
    introspection: { enabled: true },
    jwtIntrospection: { enabled: true },
    revocation: { enabled: true },
    dPoP: { enabled: true },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => undefined as never,
      useGrantedResource: () => true,
      getResourceServerInfo(_, identifier) {
        if (identifier !== RESOURCE) throw new errors.InvalidTarget()
        return { scope: 'orders:read', accessTokenFormat: 'jwt', audience: RESOURCE }
      },
    },
  },
})

const profileWith = (robot: JWK) => ({
  client: { ...secret('machine'), scope: ['read', 'write'] },
  other_client: secret('other-machine'),
  introspection_client: secret('api'),
  key_client: { client_id: 'robot', private_jwk: robot },
  public_client: {
    ...{ client_id: 'app', redirect_uri: REDIRECT_URI, scope: ['openid', 'offline_access'] },
    parameters: { prompt: 'consent' },
    sign_in: { login: 'somebody', password: 'anything' },
  },
  other_public_client: { client_id: 'other-app' },
  resource: { identifier: RESOURCE, scope: ['orders:read'] },
})
