import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose'
import { type Clock, epochSeconds, systemClock } from '../../server/clock.ts'

/** How an issuer can fail whoever asks it for its keys. */
export type Misbehaviour = 'hang' | 'stream' | 'redirect' | 'html' | 'error' | 'garbage' | 'huge' | 'hang up'

type Document = 'discovery' | 'jwks'

/** A platform's issuer, on the loopback: an outbound client reaches it with `allow: ['127.0.0.1']`. */
export interface TestIssuer {
  /** What `iss` says. */
  readonly url: string
  readonly jwksUri: string
  readonly jwks: { keys: JWK[] }
  /** How often each document was asked for. */
  readonly requests: Record<Document, number>
  /** A token for `aud`, good for five minutes from now, with these claims; `undefined` takes one out. */
  sign(claims?: Record<string, unknown>, header?: Record<string, unknown>): Promise<string>
  /** A new key signs from now on, and is published; the old ones too, unless they are to be forgotten. */
  rotate(options?: { forget?: boolean; publish?: boolean }): Promise<void>
  /** From now on, for both documents or one. Undefined: behaves again. */
  misbehave(kind: Misbehaviour | undefined, only?: Document): void
  /** Instead of, or over, what the documents say. */
  readonly publish: { discovery: Record<string, unknown>; jwks: unknown; headers: Record<string, string> }
  close(): Promise<void>
}

interface Options {
  readonly aud?: string | string[]
  readonly alg?: 'RS256' | 'ES256' | 'ES384' | 'EdDSA'
  readonly clock?: Clock
  /** Behind the origin: an issuer may have one. */
  readonly path?: string
}

/** A real server. It keeps no process alive, so nobody has to close it. */
export async function createIssuer(options: Options = {}): Promise<TestIssuer> {
  const { aud = 'https://auth.example.com', alg = 'RS256', clock = systemClock, path = '' } = options
  const jwks: { keys: JWK[] } = { keys: [] }
  const requests = { discovery: 0, jwks: 0 }
  const publish: TestIssuer['publish'] = { discovery: {}, jwks: undefined, headers: {} }
  const failing: Partial<Record<Document, Misbehaviour>> = {}
  let current = await newKey(alg)
  jwks.keys.push(current.jwk)

  const sockets = new Set<Socket>()
  const server = createServer((request, response) => {
    const document = request.url === `${path}/jwks` ? 'jwks' : 'discovery'
    if (document === 'discovery' && request.url !== `${path}/.well-known/openid-configuration`) {
      return void response.writeHead(404).end()
    }
    requests[document] += 1
    const kind = failing[document]
    if (kind) return misbehaving[kind](response)
    const discovery = { issuer: url, jwks_uri: jwksUri, ...publish.discovery }
    response.writeHead(200, { 'content-type': 'application/json', ...publish.headers })
    response.end(JSON.stringify(document === 'jwks' ? (publish.jwks ?? jwks) : discovery))
  })
  server.on('connection', (socket) => {
    sockets.add(socket.unref())
    socket.on('error', () => {}).once('close', () => sockets.delete(socket))
  })
  server.listen(0, '127.0.0.1').unref()
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`
  const jwksUri = `${url}/jwks`

  return {
    ...{ url, jwksUri, jwks, requests, publish },
    sign(claims = {}, header = {}) {
      const now = epochSeconds(clock.now())
      const usual = { iss: url, sub: 'somebody', aud, iat: now, exp: now + 300, jti: randomUUID() }
      return new SignJWT({ ...usual, ...claims })
        .setProtectedHeader({ alg, kid: current.jwk.kid as string, typ: 'JWT', ...header })
        .sign(current.privateKey)
    },
    async rotate({ forget = false, publish: published = true } = {}) {
      current = await newKey(alg)
      if (forget) jwks.keys.length = 0
      if (published) jwks.keys.push(current.jwk)
    },
    misbehave(kind, only) {
      for (const document of only ? [only] : (['discovery', 'jwks'] as const)) {
        if (kind) failing[document] = kind
        else delete failing[document]
      }
    },
    async close() {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}

async function newKey(alg: string) {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true })
  const jwk: JWK = { ...(await exportJWK(publicKey)), kid: randomUUID(), use: 'sig', alg }
  return { privateKey, jwk }
}

const JSON_TYPE = { 'content-type': 'application/json' }

const misbehaving: Record<Misbehaviour, (response: ServerResponse) => void> = {
  hang: () => {},
  stream(response) {
    const chunk = Buffer.alloc(16 * 1024, ' ')
    const more = () => {
      while (!response.destroyed && response.write(chunk));
    }
    response.writeHead(200, JSON_TYPE).on('drain', more)
    more()
  },
  redirect: (response) => void response.writeHead(302, { location: 'http://169.254.169.254/latest/meta-data/' }).end(),
  html: (response) => void response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html>'),
  error: (response) => void response.writeHead(500, JSON_TYPE).end('{}'),
  garbage: (response) => void response.writeHead(200, JSON_TYPE).end('{"keys":'),
  huge: (response) => void response.writeHead(200, { ...JSON_TYPE, 'content-length': 10_000_000 }).flushHeaders(),
  'hang up': (response) => void response.destroy(),
}
