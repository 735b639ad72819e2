import { gzipSync } from 'node:zlib'
import { beforeAll, describe, expect, test } from 'vitest'
import { createLog } from '../../server/telemetry/log.ts'
import { describeDeployment } from '../deployments.ts'
import { basic, startDeployment, type TestDeployment } from '../start.ts'
import { startPublicNode } from './nodes.ts'
import { exchange, rawRequest, statusOf } from './raw.ts'

const HOST = { host: 'api.example.com' }
const FORM = { ...HOST, 'content-type': 'application/x-www-form-urlencoded' }
const GRANT = 'grant_type=client_credentials'

describeDeployment('database', 'nasty requests', (open) => {
  let deployment: TestDeployment
  let port: number
  /** All that is logged, and all that is counted. */
  const written: string[] = []

  beforeAll(async () => {
    deployment = await startDeployment(open)
    const log = createLog({ level: 'trace', destination: { write: (line) => void written.push(line) } })
    const note = (...labels: unknown[]) => void written.push(JSON.stringify(labels))
    const metrics = {
      ...{ httpRequest: note, tokenMinted: note, tokenRequestRefused: note },
      ...{ authenticationFailed: note, storeFailed: note },
    }
    port = (await startPublicNode(deployment, { log, metrics })).port
  })

  const post = (path: string, body: string, headers: Record<string, string | string[]> = {}) =>
    rawRequest(`POST ${path}`, { ...FORM, 'content-length': String(body.length), ...headers }, body)
  const get = (path: string, headers: Record<string, string | string[]> = {}) =>
    rawRequest(`GET ${path}`, { ...HOST, ...headers })
  const auth = () => ({ authorization: basic(deployment.made.live) })
  const bearer = () => ({ authorization: `Bearer ${deployment.made.live.api_key}` })
  const json = () => ({ ...bearer(), 'content-type': 'application/json' })
  const long = 'x'.repeat(7_000)

  const TABLE: Record<string, () => string> = {
    // Paths
    'an empty path': () => get(''),
    'no slash': () => get('v1/me'),
    'two slashes': () => get('//v1//me'),
    'an absolute URL': () => get('http://evil.example/v1/me'),
    'an asterisk': () => rawRequest('OPTIONS *', HOST),
    'broken escapes': () => get('/v1/api-keys/%zz%', bearer()),
    'broken UTF-8': () => get('/v1/api-keys/%c3%28', bearer()),
    'bytes that are no ASCII': () => get('/v1/api-keys/\xff\xfe', bearer()),
    'NUL in the path': () => get('/v1/api-keys/%00', bearer()),
    'dots in the path': () => get('/v1/../../../etc/passwd'),
    'encoded dots': () => get('/v1/%2e%2e/%2e%2e/etc/passwd', bearer()),
    backslashes: () => get('/\\evil.example\\..'),
    'a fragment': () => get('/v1/me#x', bearer()),
    'a semicolon': () => get('/v1/me;jsessionid=1', bearer()),
    'a long path': () => get(`/v1/api-keys/${long}`, bearer()),
    'a deep path': () => get(`/v1${'/x'.repeat(3_000)}`, bearer()),
    '__proto__ as a path': () => get('/__proto__', bearer()),
    'constructor as an id': () => get('/v1/api-keys/constructor', bearer()),
    // Queries
    'a broken query': () => get('/v1/api-keys?%=%zz&&==', bearer()),
    'prototype in the query': () => get('/v1/api-keys?__proto__[a]=1&constructor.prototype.a=1', bearer()),
    'a thousand parameters': () => get(`/v1/audit-logs?${'a=1&'.repeat(1_000)}`, bearer()),
    'NUL in the query': () => get('/v1/audit-logs?action=%00&actor=%00', bearer()),
    'a cursor before all time': () =>
      get(`/v1/api-keys?cursor=${Buffer.from('-8640000000000000 key_a').toString('base64url')}`, bearer()),
    'an endless number': () => get(`/v1/api-keys?limit=${'9'.repeat(400)}`, bearer()),
    // Methods
    'an unknown method': () => rawRequest('BREW /v1/me', HOST),
    PROPFIND: () => rawRequest('PROPFIND /v1/me', { ...HOST, ...bearer() }),
    TRACE: () => rawRequest('TRACE /oauth/token', HOST),
    'a method in small letters': () => rawRequest('get /livez', HOST),
    'an overridden method': () => get('/v1/me', { ...bearer(), 'x-http-method-override': 'DELETE' }),
    // Headers
    'Authorization without a value': () => get('/v1/me', { authorization: '' }),
    'two Authorization headers': () => get('/v1/me', { authorization: ['Bearer a', 'Bearer b'] }),
    'two x-api-key headers': () => get('/v1/me', { 'x-api-key': ['a', 'b'] }),
    'a long Authorization header': () => get('/v1/me', { authorization: `Bearer ${long}` }),
    'Basic of NULs': () =>
      post('/oauth/token', GRANT, { authorization: `Basic ${Buffer.alloc(30).toString('base64')}` }),
    'Basic of broken UTF-8': () =>
      post('/oauth/token', GRANT, {
        authorization: `Basic ${Buffer.from([0xff, 0xfe, 0x3a, 0xff]).toString('base64')}`,
      }),
    'Basic with a broken escape': () =>
      post('/oauth/token', GRANT, { authorization: `Basic ${Buffer.from('%E0%A4%A:%').toString('base64')}` }),
    'DPoP that is no JWT': () => post('/oauth/token', GRANT, { ...auth(), dpop: 'a.b.c' }),
    'DPoP of deep JSON': () =>
      post('/oauth/token', GRANT, { ...auth(), dpop: `${Buffer.from('['.repeat(5_000)).toString('base64url')}.a.b` }),
    'two DPoP headers': () => post('/oauth/token', GRANT, { ...auth(), dpop: ['a.b.c', 'a.b.c'] }),
    'DPoP at the management API': () => get('/v1/me', { authorization: 'DPoP x', dpop: 'x' }),
    'a wrong If-None-Match': () => get('/oauth/jwks', { 'if-none-match': `${'"'.repeat(99)}` }),
    'a wrong Range': () => get('/oauth/jwks', { range: 'bytes=9-1,-,x' }),
    'Accept of nothing': () => get('/oauth/jwks', { accept: 'image/png;q=x,,;' }),
    'Expect: 100-continue': () => post('/oauth/token', GRANT, { ...auth(), expect: '100-continue' }),
    'Expect of anything else': () => post('/oauth/token', GRANT, { ...auth(), expect: 'miracles' }),
    'Upgrade: h2c': () => get('/v1/me', { upgrade: 'h2c', connection: 'Upgrade, HTTP2-Settings, close' }),
    'Upgrade: websocket': () => get('/v1/me', { upgrade: 'websocket', connection: 'Upgrade, close' }),
    'a strange traceparent': () => get('/v1/me', { traceparent: '00-zz-zz-zz', tracestate: ',=,', baggage: '%' }),
    'a Content-Type of nothing': () => post('/oauth/token', GRANT, { ...auth(), 'content-type': ';;;=' }),
    'two Content-Types': () =>
      post('/oauth/token', GRANT, { ...auth(), 'content-type': ['text/plain', 'application/json'] }),
    'an unknown charset': () =>
      post('/oauth/token', GRANT, { ...auth(), 'content-type': 'application/x-www-form-urlencoded; charset=utf-7' }),
    // Bodies
    'an empty form': () => post('/oauth/token', '', auth()),
    'a form of ampersands': () => post('/oauth/token', '&'.repeat(10_000), auth()),
    'a form of ten thousand names': () =>
      post('/oauth/token', Array.from({ length: 8_000 }, (_, at) => `a${at}`).join('&'), auth()),
    'a form with broken escapes': () => post('/oauth/token', `${GRANT}&scope=%zz%e0%a4`, auth()),
    'prototype in the form': () => post('/oauth/token', `${GRANT}&__proto__=1&constructor=2&toString=3`, auth()),
    'NUL in every parameter': () =>
      post('/oauth/token', `${GRANT}%00&client_id=%00&client_secret=%00&scope=%00&resource=%00`),
    'NUL in the grant type': () => post('/oauth/token', 'grant_type=%00', auth()),
    'a resource of NUL': () => post('/oauth/token', `${GRANT}&resource=https://a/%00`, auth()),
    'a client that is none of ours': () => post('/oauth/token', `${GRANT}&client_id=__proto__&client_secret=x`),
    'an assertion of garbage': () =>
      post('/oauth/token', `${GRANT}&client_id=su_aaaaaaaaaaaa&client_assertion=x.y.z&client_assertion_type=urn%3Ax`),
    'a compressed form': () => {
      const body = gzipSync(GRANT).toString('latin1')
      return post('/oauth/token', body, { ...auth(), 'content-encoding': 'gzip' })
    },
    'a declared length of petabytes': () =>
      post('/oauth/token', '', { ...auth(), 'content-length': '9007199254740993' }),
    'an introspection of NUL': () => post('/oauth/introspect', 'token=%00', auth()),
    'an introspection of a megabyte': () => post('/oauth/introspect', `token=${'%00'.repeat(350_000)}`, auth()),
    'an unknown hint': () => post('/oauth/revoke', 'token=x&token_type_hint=%00', auth()),
    'JSON of deep arrays': () => post('/v1/api-keys', `{"scopes":${'['.repeat(30_000)}`, json()),
    'JSON of a wrong top': () => post('/v1/api-keys', '"x"', json()),
    'JSON with two of a kind': () => post('/v1/api-keys', '{"kind":"public","kind":{},"name":"x"}', json()),
    'JSON of broken UTF-8': () => post('/v1/api-keys', '{"kind":"public","name":"\xff\xfe"}', json()),
    'JSON of half a character': () => post('/v1/api-keys', '{"kind":"public","name":"\\ud800"}', json()),
    'JSON of large numbers': () =>
      post('/v1/api-keys', '{"kind":"standard","name":"x","token_validity":1e400}', json()),
    'JSON in UTF-16': () => post('/v1/api-keys', Buffer.from('{}', 'utf16le').toString('latin1'), json()),
  }

  test.each(Object.entries(TABLE))('%s: never a 5xx, never a stack trace', async (_, request) => {
    const answer = await exchange(port, request())
    expect(statusOf(answer)).toBeGreaterThanOrEqual(200)
    expect(statusOf(answer)).toBeLessThan(500)
    expect(answer).not.toMatch(/node_modules|\bat .*:\d+:\d+|prisma|SELECT|server\/|undefined/i)
    expect(statusOf(await exchange(port, get('/livez')))).toBe(200)
  })

  test('CONNECT: nobody is connected to anything', async () => {
    expect(await exchange(port, rawRequest('CONNECT evil.example:443', HOST))).toBe('')
    expect(statusOf(await exchange(port, get('/livez')))).toBe(200)
  })

  describe('no credential is ever logged or counted', () => {
    /** Every place in which somebody could put one. */
    const places = (credential: string): string[] => {
      const [whole, encoded] = [credential, encodeURIComponent(credential)]
      const escaped = [...credential].map((letter) => `%${letter.charCodeAt(0).toString(16)}`).join('')
      return [
        ...[get(`/${whole}`), get(`/v1/${whole}`), get(`/v1/api-keys/${whole}`, bearer()), get(`/livez/${whole}`)],
        ...[get(`/v1/me?api_key=${whole}`), get(`/v1/audit-logs?action=${encoded}`, bearer())],
        get(`/v1/api-keys/${escaped}`, bearer()),
        get(`/v1/api-keys?cursor=${whole}&${whole}=1`, bearer()),
        get('/v1/me', { authorization: `Bearer ${whole}` }),
        get('/v1/me', { authorization: whole }),
        get('/v1/me', { authorization: `Basic ${Buffer.from(whole).toString('base64')}` }),
        get('/v1/me', { 'x-api-key': `${whole}x` }),
        get('/v1/me', { authorization: `DPoP ${whole}`, dpop: whole }),
        get('/v1/me', { cookie: `session=${whole}`, 'user-agent': whole, referer: `https://a/?k=${whole}` }),
        get('/v1/me', { 'x-request-id': whole, 'x-forwarded-for': whole, traceparent: whole }),
        get('/v1/me', { host: whole }),
        get('/v1/me', { host: `api.example.com, ${whole}` }),
        rawRequest(`${whole} /v1/me`, HOST),
        ...['/oauth/token', '/oauth/introspect', '/oauth/revoke'].flatMap((path) => [
          post(path, `token=${whole}&client_id=${whole}&client_secret=${whole}`),
          post(path, `${GRANT}&scope=${whole}&resource=${whole}&${whole}=x&token=${whole}`, auth()),
          post(path, `grant_type=${whole}`, { ...auth(), dpop: whole }),
          post(path, whole, { 'content-type': whole }),
          post(path, `${GRANT}&client_assertion=${whole}&client_id=${whole}`),
          post(path, `token=${whole}`, { authorization: `Basic ${Buffer.from(`a:${whole}`).toString('base64')}` }),
        ]),
        post('/v1/api-keys', JSON.stringify({ [whole]: whole, kind: whole, name: [whole] }), json()),
        post('/v1/api-keys', `{"${whole}`, json()),
        `GET /${whole}\r\n${whole}\r\n\r\n`,
      ]
    }

    test('wherever it stands, right or wrong, whole or cut [attack 16]', async () => {
      const { live, test: sandbox } = deployment.made
      const minted = await deployment.nodes[0].at('live').token(live)
      const { access_token } = minted.body
      const credentials = [live.api_key, sandbox.api_key, access_token, live.client_secret, `${live.api_key}x`]
      written.length = 0
      let sent = 0
      for (const credential of credentials) {
        for (const request of places(credential)) {
          expect(statusOf(await exchange(port, request))).toBeLessThan(500)
          sent++
        }
      }
      // One line and one count for each that HTTP could be made of.
      expect(written.length).toBeGreaterThan(1.5 * sent)
      const all = written.join('')
      expect(all).toContain('"route":"/v1/me"')
      for (const secret of [
        live.client_secret,
        sandbox.client_secret,
        access_token.slice(16),
        live.client_secret.slice(0, 20),
      ]) {
        for (const form of [secret, secret.toLowerCase(), Buffer.from(secret).toString('hex')]) {
          expect(all).not.toContain(form)
        }
        expect(all).not.toContain(Buffer.from(`a:${secret}`).toString('base64').slice(0, 20))
      }
    })

    test('not even where something of ours fails on it [attack 16]', async () => {
      const { state } = deployment.storage
      const secret = deployment.made.live.api_key
      const failing = () => Promise.reject(new Error(`no way with ${secret} and client_secret=${secret.slice(-49)}`))
      const original = state.live.standings
      state.live.standings = failing
      written.length = 0
      try {
        const token = await exchange(port, post('/oauth/token', GRANT, auth()))
        const me = await exchange(port, get('/v1/me', bearer()))
        for (const answer of [token, me]) {
          expect(statusOf(answer)).toBe(500)
          expect(answer).toContain('server_error')
          expect(answer).not.toContain('no way')
          expect(answer).not.toContain(secret.slice(-49))
        }
      } finally {
        state.live.standings = original
      }
      const all = written.join('')
      expect(all).toContain('no way with tk_live_…')
      expect(all).not.toContain(secret.slice(-49))
    })
  })
})
