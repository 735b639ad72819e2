import { generateKeyPairSync } from 'node:crypto'
import { beforeAll, describe, expect, test } from 'vitest'
import { describeDeployment } from '../deployments.ts'
import { type Caller, startDeployment } from '../start.ts'
import { expectFields, expectProblem } from './problem.ts'

const REDIRECT = 'https://app.example/callback'

describeDeployment('database', 'what an app may be', (open) => {
  let live: Caller
  let key: string

  beforeAll(async () => {
    const { nodes, made } = await startDeployment(open)
    live = nodes[0].at('live')
    key = made.live.api_key
  })

  const post = (body: object) => {
    const app = { name: 'Shop', type: 'confidential', redirect_uris: [REDIRECT], ...body }
    return live.api('POST', '/v1/apps', key, app)
  }
  const existing = async (body: object = {}) => {
    const response = await post(body)
    expect(response.status).toBe(201)
    return `/v1/apps/${response.body.id}`
  }

  test('nothing: all that is missing is said at once', async () => {
    expectFields(await live.api('POST', '/v1/apps', key, {}), '/name', '/type', '/redirect_uris')
  })

  const WRONG: [string, object, ...string[]][] = [
    ['no name', { name: ' ' }, '/name'],
    ['a type that is none', { type: 'native' }, '/type'],
    ['no redirect URI', { redirect_uris: [] }, '/redirect_uris'],
    [
      '21 redirect URIs',
      { redirect_uris: Array.from({ length: 21 }, (_, at) => `${REDIRECT}${at}`) },
      '/redirect_uris',
    ],
    ['a scope that no resource has', { scopes: ['apps:read', 'moon:read'] }, '/scopes/1'],
    ['no scopes', { scopes: [] }, '/scopes'],
    ['a homepage that runs something', { homepage: 'javascript:alert(1)' }, '/homepage'],
    ['a homepage that anyone on the way may change', { homepage: 'http://app.example' }, '/homepage'],
    ['idle for less than a minute', { refresh_idle: 59 }, '/refresh_idle'],
    ['idle for more than a year', { refresh_idle: 31_536_001, refresh_absolute: 157_680_000 }, '/refresh_idle'],
    ['alive for more than five years', { refresh_absolute: 157_680_001 }, '/refresh_absolute'],
    ['alive for less than idle', { refresh_idle: 100, refresh_absolute: 99 }, '/refresh_absolute'],
    ['alive for less than idle is by default', { refresh_absolute: 60 }, '/refresh_absolute'],
    ['a window of more than 300 s', { refresh_retry_window: 301 }, '/refresh_retry_window'],
    ['a negative window', { refresh_retry_window: -1 }, '/refresh_retry_window'],
    ['parts of seconds', { refresh_retry_window: 0.5 }, '/refresh_retry_window'],
    ['a token for ever', { token_validity: 86_401 }, '/token_validity'],
    ['words for booleans', { require_dpop: 'true', require_par: 1 }, '/require_par', '/require_dpop'],
    ['an id of its own', { client_id: 'app_mine' }, '/client_id'],
    ['a secret of its own', { client_secret: 'x' }, '/client_secret'],
    ['a document’s URL', { metadata_url: 'https://a.example' }, '/metadata_url'],
    ['somebody else’s', { tenant_id: 'ten_x' }, '/tenant_id'],
  ]
  test.each(WRONG)('%s: refused when made and when changed', async (_, body, ...pointers) => {
    expectFields(await post(body), ...pointers)
    expectFields(await live.api('PATCH', await existing(), key, body), ...pointers)
  })

  describe('redirect URIs (RFC 6749 §3.1.2, RFC 8252 §7)', () => {
    test.each([
      'http://app.example/callback',
      'https://app.example/callback#fragment',
      'https://user@app.example/callback',
      'https://localhost/callback',
      'javascript:alert(1)',
      'data:text/html,x',
      'myapp:/callback',
      '/callback',
      'https://app.example/ callback',
      'https://*.example/callback\n',
    ])('%s: no app may have it', async (uri) => {
      for (const type of ['public', 'confidential']) {
        expectFields(await post({ type, redirect_uris: [REDIRECT, uri] }), '/redirect_uris/1')
        expectFields(await post({ type, post_logout_redirect_uris: [uri] }), '/post_logout_redirect_uris/0')
        const patched = await live.api('PATCH', await existing({ type }), key, { redirect_uris: [uri] })
        expectFields(patched, '/redirect_uris/0')
      }
    })

    test.each(['http://127.0.0.1/cb', 'http://[::1]:5000/cb', 'http://localhost/cb', 'com.example.app:/cb'])(
      '%s: only a public app may have it',
      async (uri) => {
        expect((await post({ type: 'public', redirect_uris: [uri] })).status).toBe(201)
        expectFields(await post({ redirect_uris: [uri] }), '/redirect_uris/0')
        expectFields(await live.api('PATCH', await existing(), key, { redirect_uris: [uri] }), '/redirect_uris/0')
      },
    )

    test('one that is too long', async () => {
      expectFields(await post({ redirect_uris: [`${REDIRECT}/${'a'.repeat(500)}`] }), '/redirect_uris/0')
    })
  })

  test('its type is for good', async () => {
    expectFields(await live.api('PATCH', await existing(), key, { type: 'confidential' }), '/type')
  })

  test('a change must fit with what is there', async () => {
    const path = await existing({ refresh_idle: 1000, refresh_absolute: 2000 })
    expectFields(await live.api('PATCH', path, key, { refresh_idle: 2001 }), '/refresh_absolute')
    expectFields(await live.api('PATCH', path, key, { refresh_absolute: 999 }), '/refresh_absolute')
    const both = { refresh_idle: 5000, refresh_absolute: 5000 }
    expect((await live.api('PATCH', path, key, both)).body).toMatchObject(both)
  })

  test.each([
    ['negative', -1],
    ['more than 7 days', 604_801],
    ['half a second', 0.5],
    ['words', '60'],
  ])('an overlap of two secrets: %s', async (_, overlap_seconds) => {
    expectFields(
      await live.api('POST', `${await existing()}/rotate-secret`, key, { overlap_seconds }),
      '/overlap_seconds',
    )
  })

  describe('jwks (RFC 7517), for private_key_jwt', () => {
    const jwkOf = (pair: { publicKey: { export(as: { format: 'jwk' }): object } }) =>
      pair.publicKey.export({ format: 'jwk' }) as Record<string, string>
    const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const es256 = jwkOf(ec)
    const ed25519 = jwkOf(generateKeyPairSync('ed25519'))
    const rsa = (modulusLength: number, publicExponent = 65_537) =>
      jwkOf(generateKeyPairSync('rsa', { modulusLength, publicExponent }))
    const rsa2048 = rsa(2048)

    test('EC P-256, Ed25519 and RSA; no secret beside them, and only what we understand is kept', async () => {
      const keys = [
        { ...es256, kid: 'a', alg: 'ES256', use: 'sig' },
        { ...ed25519, kid: 'b', alg: 'EdDSA' },
        { ...rsa2048, kid: 'c', alg: 'PS256' },
      ]
      const sent = keys.map((jwk) => ({ ...jwk, key_ops: ['verify'], 'x-ours': 'ours' }))
      const { status, body } = await post({ jwks: { keys: sent } })
      expect(status).toBe(201)
      expect(body.jwks).toEqual({ keys })
      expect(body).not.toHaveProperty('client_secret')
      const path = `/v1/apps/${body.id}/rotate-secret`
      expectProblem(await live.api('POST', path, key, {}), 409, 'conflict')
    })

    const at = (more = '') => `/jwks/keys/0${more}`
    const symmetric = { kty: 'oct', k: 'c2VjcmV0' }
    const REFUSED: [string, object, ...string[]][] = [
      ['a private EC key', ec.privateKey.export({ format: 'jwk' }), at('/d')],
      ['any private member', { ...rsa2048, p: 'x', dp: 'x' }, at('/p'), at('/dp')],
      ['a symmetric key', symmetric, at('/kty')],
      ['a symmetric key under another name', { ...symmetric, kty: 'EC' }, at('/k')],
      ['P-384', jwkOf(generateKeyPairSync('ec', { namedCurve: 'P-384' })), at()],
      ['secp256k1', jwkOf(generateKeyPairSync('ec', { namedCurve: 'secp256k1' })), at()],
      ['X25519', jwkOf(generateKeyPairSync('x25519')), at()],
      ['Ed448', jwkOf(generateKeyPairSync('ed448')), at()],
      ['RSA of 1024 bits', rsa(1024), at()],
      ['an exponent by which anyone could sign', { ...rsa2048, e: 'AQ' }, at()],
      ['a point that is on no curve', { ...es256, y: es256.x }, at()],
      ['no point', { kty: 'EC', crv: 'P-256' }, at()],
      ['a key to encrypt with', { ...es256, use: 'enc' }, at('/use')],
      ['a key that may not verify', { ...es256, key_ops: ['sign'] }, at('/key_ops')],
      ['RS256, which we don’t accept', { ...rsa2048, alg: 'RS256' }, at('/alg')],
      ['none', { ...es256, alg: 'none' }, at('/alg')],
      ['an alg of another kind of key', { ...es256, alg: 'PS256' }, at()],
      ['an empty kid', { ...es256, kid: '' }, at('/kid')],
    ]
    test.each(REFUSED)('%s', async (_, jwk, ...pointers) => {
      expectFields(await post({ jwks: { keys: [jwk] } }), ...pointers)
      const user = { name: 'u', role: 'viewer', jwks: { keys: [jwk] } }
      expectFields(await live.api('POST', '/v1/service-users', key, user), ...pointers)
    })

    test('several must be told apart by kid', async () => {
      expectFields(await post({ jwks: { keys: [es256, { ...ed25519, kid: 'a' }] } }), at('/kid'))
      const twice = [es256, ed25519].map((jwk) => ({ ...jwk, kid: 'a' }))
      expectFields(await post({ jwks: { keys: twice } }), '/jwks/keys/1/kid')
    })

    test('no keys, eleven, no set, more than 8 KB', async () => {
      expectFields(await post({ jwks: { keys: [] } }), '/jwks/keys')
      const eleven = Array.from({ length: 11 }, (_, kid) => ({ ...es256, kid: String(kid) }))
      expectFields(await post({ jwks: { keys: eleven } }), '/jwks/keys')
      expectFields(await post({ jwks: { kty: 'EC' } }), '/jwks/keys', '/jwks/kty')
      const large = rsa(4096)
      const wide = Array.from({ length: 10 }, (_, kid) => ({ ...large, kid: String(kid).repeat(200) }))
      expectFields(await post({ jwks: { keys: wide } }), '/jwks')
    })

    test('a public app can keep no key', async () => {
      const jwks = { keys: [es256] }
      expectFields(await post({ type: 'public', jwks }), '/jwks')
      expectFields(await live.api('PATCH', await existing({ type: 'public' }), key, { jwks }), '/jwks')
    })

    test('keys instead of the secret: it is dead; without them there is a new one', async () => {
      const { body: app } = await post({})
      const path = `/v1/apps/${app.id}`
      const statusOf = async (secret: string) =>
        (await live.introspect({ client_id: app.id, client_secret: secret }, 'x')).status
      expect(await statusOf(app.client_secret)).toBe(200)
      expect((await live.api('PATCH', path, key, { jwks: { keys: [es256] } })).status).toBe(200)
      expect(await statusOf(app.client_secret)).toBe(401)
      expect((await live.api('PATCH', path, key, { jwks: null })).body.jwks).toBeNull()
      expect(await statusOf(app.client_secret)).toBe(401)
      const { body } = await live.api('POST', `${path}/rotate-secret`, key, {})
      expect(await statusOf(body.client_secret)).toBe(200)
    })
  })

  test('a public app has no secret to rotate', async () => {
    const path = `${await existing({ type: 'public' })}/rotate-secret`
    expectProblem(await live.api('POST', path, key, {}), 409, 'conflict')
  })
})
