import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { exportJWK, generateKeyPair, type JWK } from 'jose'
import { afterAll } from 'vitest'
import { Profile } from '../../conformance/profile.ts'
import type { Subject } from './oidc-provider.ts'

/** A request to a server that gets things wrong. */
export interface Asked {
  readonly issuer: string
  readonly method: string
  readonly params: URLSearchParams
  readonly headers: IncomingMessage['headers']
}

export interface Told {
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: unknown
}

export type Endpoint = (asked: Asked) => Told

/** Its endpoints; those that are missing break. */
export interface BadServer {
  readonly metadata?: Endpoint
  /** What the profile says where the metadata don't. */
  readonly known?: (issuer: string) => object
  readonly jwks?: Endpoint
  readonly authorize?: Endpoint
  readonly token?: Endpoint
  readonly introspect?: Endpoint
  readonly revoke?: Endpoint
  readonly par?: Endpoint
  readonly resource?: Endpoint
  readonly resourceMetadata?: Endpoint
  readonly userinfo?: Endpoint
}

type Name = Exclude<keyof BadServer, 'known'>

const PATHS: Readonly<Record<string, Name>> = {
  '/.well-known/oauth-authorization-server': 'metadata',
  '/.well-known/openid-configuration': 'metadata',
  '/.well-known/oauth-protected-resource': 'resourceMetadata',
}

/** Starts it, with a profile that claims that it offers everything. */
export async function startBadServer(endpoints: BadServer): Promise<Subject> {
  const server = createServer((request, response) => void answer(request, response))
  afterAll(() => void server.close().closeAllConnections())
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const issuer = `http://localhost:${(server.address() as AddressInfo).port}`

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', issuer)
    const params = new URLSearchParams([...url.searchParams, ...new URLSearchParams(await text(request))])
    const endpoint = endpoints[PATHS[url.pathname] ?? (url.pathname.slice(1) as Name)]
    const asked = { issuer, method: request.method ?? 'GET', params, headers: request.headers }
    const { status = 200, headers = {}, body = '' } = endpoint?.(asked) ?? { status: 500, body: '<h1>Oops</h1>' }
    const isText = typeof body === 'string'
    response.writeHead(status, { 'content-type': isText ? 'text/html' : 'application/json', ...headers })
    response.end(isText ? body : JSON.stringify(body))
  }
  return { issuer, profile: Profile.parse({ ...(await profileOf(issuer)), metadata: endpoints.known?.(issuer) }) }
}

async function profileOf(issuer: string): Promise<object> {
  const secret = (client_id: string) => ({ client_id, client_secret: `the secret of ${client_id}` })
  const methods = ['client_secret_basic', 'client_secret_post']
  return {
    client: { ...secret('machine'), methods, scope: ['read', 'write'] },
    other_client: secret('other-machine'),
    introspection_client: secret('api'),
    key_client: { client_id: 'robot', private_jwk: await newKey('ES256') },
    public_client: {
      ...{ client_id: 'app', redirect_uri: 'https://app.example/callback', scope: ['openid', 'read'] },
      ...{ loopback_redirect_uri: 'http://127.0.0.1/callback', sign_in: { login: 'somebody' } },
    },
    other_public_client: { client_id: 'other-app' },
    resource: { identifier: 'https://orders.example', scope: ['orders'] },
    protected_resource: {
      ...{ url: `${issuer}/resource`, identifier: issuer, dpop: true },
      ...{ scope: ['read'], insufficient_scope: ['write'] },
    },
    trusted_issuer: {
      ...{ issuer: 'https://ci.example', private_jwk: await newKey('ES256'), alg: 'ES256' },
      ...{ subject: 'job', audience: issuer },
    },
  }
}

async function newKey(alg: string): Promise<JWK> {
  const { privateKey } = await generateKeyPair(alg, { extractable: true })
  return exportJWK(privateKey)
}
