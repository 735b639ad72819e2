import type { Response } from 'supertest'
import { beforeAll, describe, expect, test } from 'vitest'
import type { Storage } from '../../server/storage/open.ts'
import { StoreUnavailable } from '../../server/storage/state-store.ts'
import { describeDeployment, type OpenStorage } from '../deployments.ts'
import { type Caller, startDeployment, type TestDeployment } from '../start.ts'
import { startPublicNode } from './nodes.ts'
import { exchange, rawRequest, statusOf } from './raw.ts'

const METADATA = '/.well-known/oauth-authorization-server'

describeDeployment('database', 'answers', (open) => {
  let deployment: TestDeployment
  let live: Caller
  let port: number
  let away = false

  /** Storage of which the test decides whether it is there. */
  const openFragile: OpenStorage = async (needs) => {
    const opened = await open(needs)
    const fragile = (storage: Storage): Storage => ({
      ...storage,
      ping: () => (away ? Promise.reject(new StoreUnavailable('database', new Error('away'))) : storage.ping()),
    })
    return { ...opened, nodes: [fragile(opened.nodes[0]), opened.nodes[1]] }
  }

  beforeAll(async () => {
    deployment = await startDeployment(openFragile)
    live = deployment.nodes[0].at('live')
    port = (await startPublicNode(deployment)).port
  })

  const key = () => deployment.made.live
  const wrong = () => ({ ...key(), client_secret: deployment.made.test.client_secret })

  const ANSWERS: [string, number, () => PromiseLike<Response>][] = [
    ['a document', 200, () => live.get(METADATA)],
    [
      'the same again',
      304,
      async () => live.get(METADATA, { 'if-none-match': (await live.get(METADATA)).headers.etag ?? '' }),
    ],
    ['the keys', 200, () => live.get('/oauth/jwks')],
    ['a token', 200, () => live.token(key())],
    ['a refused token', 401, () => live.token(wrong())],
    ['by the provider', 400, () => live.token(key(), { grant_type: 'password' })],
    ['a refused DPoP proof', 400, () => live.token(key(), {}, { dpop: 'x' })],
    ['an introspection', 200, () => live.introspect(key(), 'x')],
    ['a revocation', 200, () => live.revoke(key(), 'x')],
    ['a wrong method', 405, () => live.get('/oauth/token')],
    ['a body that is too large', 413, () => live.token(key(), { x: 'x'.repeat(100_000) })],
    ['me', 200, () => live.api('GET', '/v1/me', key().api_key)],
    ['an unknown caller', 401, () => live.api('GET', '/v1/me')],
    ['wrong fields', 422, () => live.api('POST', '/v1/api-keys', key().api_key, {})],
    ['nothing there', 404, () => live.get('/')],
    ['no such operation', 404, () => live.api('GET', '/v1/nothing', key().api_key)],
    ['another host', 421, () => live.get('/', { host: 'evil.example' })],
    ['alive', 200, () => live.get('/livez')],
    ['ready', 200, () => live.get('/readyz')],
  ]

  describe.each(ANSWERS)('%s (%i)', (_, status, request) => {
    test('is never sniffed, framed, or a source of anything', async () => {
      const { headers, ...response } = await request()
      expect(response.status).toBe(status)
      expect(headers).toMatchObject({
        'x-content-type-options': 'nosniff',
        'x-frame-options': 'DENY',
        'referrer-policy': 'no-referrer',
        'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
        'cross-origin-resource-policy': expect.stringMatching(/^(same|cross)-origin$/),
        'x-request-id': expect.stringMatching(/^req_[0-9A-Za-z]{20}$/),
      })
      for (const telling of ['server', 'x-powered-by', 'set-cookie', 'access-control-allow-credentials']) {
        expect(headers).not.toHaveProperty(telling)
      }
    })

    test('is kept by nobody, but for documents [attack 26]', async () => {
      const { headers } = await request()
      if (/^a document|again$|^the keys/.test(_)) expect(headers['cache-control']).toMatch(/^public, max-age=\d+$/)
      else expect(headers['cache-control']).toBe('no-store')
    })
  })

  test('each answer has a request id of its own', async () => {
    const ids = await Promise.all(
      Array.from({ length: 20 }, async () => (await live.get('/livez')).headers['x-request-id']),
    )
    expect(new Set(ids).size).toBe(20)
  })

  test('where all is https, browsers are told to stay there (RFC 6797)', async () => {
    expect(await exchange(port, rawRequest('GET /livez', { host: 'x' }))).toMatch(
      /strict-transport-security: max-age=\d{8}/i,
    )
    expect((await live.get('/livez')).headers).not.toHaveProperty('strict-transport-security')
  })

  describe('documents', () => {
    const PATHS = [METADATA, '/.well-known/openid-configuration', '/oauth/jwks']
    const raw = (method: string, path: string, more: Record<string, string> = {}) =>
      exchange(port, rawRequest(`${method} ${path}`, { host: 'api.example.com', ...more }))

    test.each(PATHS)('HEAD %s is GET without the body (RFC 9110 §9.3.2)', async (path) => {
      const [head, get] = [await raw('HEAD', path), await raw('GET', path)]
      expect(statusOf(head)).toBe(200)
      const end = head.indexOf('\r\n\r\n')
      expect(head.slice(end + 4)).toBe('')
      const named = (answer: string) =>
        [
          ...answer
            .slice(0, answer.indexOf('\r\n\r\n'))
            .matchAll(/\r\n(content-type|content-length|etag|cache-control): (.*)/gi),
        ].map(([line]) => line.toLowerCase())
      expect(named(head)).toEqual(named(get))
    })

    test.each(PATHS)('%s: 405 for anything else, saying what is allowed', async (path) => {
      for (const method of ['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'TRACE']) {
        const answer = await raw(method, path)
        expect([method, statusOf(answer)]).toEqual([method, 405])
        expect(answer).toMatch(/\r\nallow: GET\r\n/i)
      }
    })

    test.each(PATHS)('%s may be read from any origin, without credentials', async (path) => {
      for (const origin of ['https://evil.example', 'null']) {
        const answer = await raw('GET', path, { origin, cookie: 'a=b' })
        expect(answer).toMatch(/\r\naccess-control-allow-origin: \*\r\n/i)
        expect(answer).not.toMatch(/access-control-allow-credentials/i)
      }
    })

    test('nothing else may be read from another origin', async () => {
      for (const path of ['/v1/me', '/livez', '/nowhere']) {
        expect(await raw('GET', path, { origin: 'null' })).not.toMatch(/access-control-allow/i)
        expect(await raw('OPTIONS', path, { origin: 'null', 'access-control-request-method': 'GET' })).not.toMatch(
          /access-control-allow/i,
        )
      }
    })

    test.each([
      `${METADATA}/`,
      `${METADATA}/tenant`,
      '/tenant/.well-known/openid-configuration',
      `/${METADATA}`,
      METADATA.toUpperCase(),
      '/.well-known/../oauth/jwks',
      '/.well-known%2Foauth-authorization-server',
      '/oauth/jwks.json',
      '/oauth/jwks;a=b',
    ])('%s is another path: 404', async (path) => {
      expect(statusOf(await raw('GET', path))).toBe(404)
    })
  })

  describe('health', () => {
    test.each(['evil.example', '10.0.0.1:3000', ''])('with any Host: %j', async (host) => {
      for (const path of ['/livez', '/readyz']) {
        const answer = await exchange(port, rawRequest(`GET ${path}`, { host }))
        expect([statusOf(answer), answer.split('\r\n\r\n')[1]]).toEqual([200, '{"status":"ok"}'])
      }
    })

    test('not ready while a store is away, alive all the same, and ready again by itself', async () => {
      away = true
      try {
        const { status, body } = await live.get('/readyz')
        expect([status, body]).toEqual([503, { status: 'unavailable' }])
        expect((await live.get('/livez')).status).toBe(200)
      } finally {
        away = false
      }
      expect((await live.get('/readyz')).status).toBe(200)
    })

    test('while draining not ready, but still serving', async () => {
      const drained = await startPublicNode(deployment)
      const get = async (path: string) =>
        statusOf(await exchange(drained.port, rawRequest(`GET ${path}`, { host: 'api.example.com' })))
      expect(await get('/readyz')).toBe(200)
      drained.node.startDraining()
      expect([await get('/readyz'), await get('/livez'), await get('/oauth/jwks')]).toEqual([503, 200, 200])
    })
  })
})
