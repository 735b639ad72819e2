import { beforeAll, describe, expect, test } from 'vitest'
import { parseCredential } from '../../server/credentials/format.ts'
import { BUILT_IN_SCOPES } from '../../server/tenancy/scopes.ts'
import { describeDeployments } from '../deployments.ts'
import { basic, type Caller, type Key, startDeployment, type TestDeployment } from '../start.ts'

describeDeployments('client_credentials', (open) => {
  let deployment: TestDeployment
  let live: Caller
  let key: Key & { api_key: string }

  beforeAll(async () => {
    deployment = await startDeployment(open)
    live = deployment.nodes[0].at('live')
    key = deployment.made.live
  })

  test('RFC 6749 §5.1: a token, its type, lifetime and scope, not to be cached [attack 26]', async () => {
    const { status, body, headers } = await live.token(key)
    expect(status).toBe(200)
    expect(body).toEqual({
      access_token: expect.stringMatching(/^kc_live_[0-9A-Za-z]{57}$/),
      token_type: 'Bearer',
      expires_in: 3600,
      scope: BUILT_IN_SCOPES.join(' '),
    })
    expect(headers['cache-control']).toBe('no-store')
    expect(headers.pragma).toBe('no-cache')
    expect(parseCredential(body.access_token)).toMatchObject({ kind: 'access_token', mode: 'live' })
  })

  test('RFC 6749 §4.4.3: never a refresh token [attack 23]', async () => {
    const { body } = await live.token(key, { scope: 'api-keys:read' })
    expect(Object.keys(body).sort()).toEqual(['access_token', 'expires_in', 'scope', 'token_type'])
  })

  describe('every way to split the key', () => {
    const splits = (apiKey: string) => {
      const [, mode, id, secret] = apiKey.split('_') as [string, string, string, string]
      return [
        ['tk', `${mode}_${id}_${secret}`],
        [`tk_${mode}`, `${id}_${secret}`],
        [`tk_${mode}_${id}`, secret],
        ['tk', `${id}_${secret}`],
        [`tk_${id}`, secret],
      ] as const
    }

    test('by Basic and in the body', async () => {
      for (const [client_id, client_secret] of splits(key.api_key)) {
        expect((await live.token({ client_id, client_secret })).status).toBe(200)
        const form = { grant_type: 'client_credentials', client_id, client_secret }
        expect((await live.form('/oauth/token', form)).status).toBe(200)
      }
    })

    test('RFC 6749 §2.3.1: parts of Basic are form-encoded', async () => {
      const encoded = [...key.client_secret].map((letter) => `%${letter.charCodeAt(0).toString(16)}`).join('')
      const pair = Buffer.from(`${key.client_id}:${encoded}`).toString('base64')
      const form = { grant_type: 'client_credentials' }
      expect((await live.form('/oauth/token', form, { authorization: `Basic ${pair}` })).status).toBe(200)
      expect((await live.form('/oauth/token', form, { authorization: `bAsIc ${pair}` })).status).toBe(200)
    })
  })

  describe('scope', () => {
    test('a subset: exactly that', async () => {
      const { body } = await live.token(key, { scope: 'tokens:introspect api-keys:read' })
      expect(body.scope).toBe('tokens:introspect api-keys:read')
    })

    test('named twice counts once; without a value counts as omitted (RFC 6749 §3.1) [attack 21]', async () => {
      expect((await live.token(key, { scope: 'api-keys:read api-keys:read' })).body.scope).toBe('api-keys:read')
      expect((await live.token(key, { scope: '' })).body.scope).toBe(BUILT_IN_SCOPES.join(' '))
    })

    test('RFC 6749 §5.2: anything beyond is invalid_scope, and named [attack 21]', async () => {
      const { status, body } = await live.token(key, { scope: 'api-keys:read planets:destroy' })
      expect(status).toBe(400)
      expect(body).toMatchObject({ error: 'invalid_scope', scope: 'planets:destroy' })
    })

    test.each(['api-keys:read\u0000', '"', 'a\\b', ' api-keys:read', 'api-keys:read  tokens:introspect', 'é'])(
      'RFC 6749 §3.3: %j is no scope [attack 21]',
      async (scope) => {
        const { status, body } = await live.token(key, { scope })
        expect([status, body.error]).toEqual([400, 'invalid_scope'])
      },
    )

    test('a hundred kilobytes of it are refused [attack 21]', async () => {
      const { status, body } = await live.token(key, { scope: 'x:y '.repeat(25_000).trim() })
      expect([status, body.error]).toEqual([413, 'invalid_request'])
    })

    test('a key with chosen scopes gives those, and no more [attack 21]', async () => {
      const scopes = ['api-keys:read', 'tokens:introspect']
      const created = await live.api('POST', '/v1/api-keys', key.api_key, { kind: 'standard', name: 'narrow', scopes })
      expect((await live.token(created.body)).body.scope).toBe(scopes.join(' '))
      const beyond = await live.token(created.body, { scope: 'api-keys:write' })
      expect(beyond.body).toMatchObject({ error: 'invalid_scope', scope: 'api-keys:write' })
    })
  })

  describe('resource (RFC 8707)', () => {
    const identifier = 'https://orders.example/api'

    beforeAll(async () => {
      const body = { identifier, name: 'Orders', scopes: ['orders:read', 'orders:write'], token_validity: 600 }
      const created = await live.api('POST', '/v1/resources', key.api_key, body)
      expect(created.status).toBe(201)
    })

    test('the default one is the issuer, with or without the slash that URL classes add', async () => {
      for (const resource of [live.issuer, `${live.issuer}/`]) {
        const { body } = await live.token(key, { resource, scope: 'api-keys:read' })
        const { body: introspected } = await live.introspect(key, body.access_token)
        expect(introspected).toMatchObject({ active: true, aud: live.issuer })
      }
    })

    test("another one has its own scopes and lifetime, and is the token's audience (§2)", async () => {
      const { body } = await live.token(key, { resource: identifier })
      expect(body).toMatchObject({ scope: 'orders:read orders:write', expires_in: 600 })
      expect((await live.introspect(key, body.access_token)).body).toMatchObject({ active: true, aud: identifier })
    })

    test('the same one twice is one [attack 4]', async () => {
      expect((await live.token(key, { resource: [identifier, identifier] })).status).toBe(200)
    })

    test('a scope of one resource is beyond at another', async () => {
      const { body } = await live.token(key, { resource: identifier, scope: 'api-keys:read' })
      expect(body).toMatchObject({ error: 'invalid_scope', scope: 'api-keys:read' })
    })

    test.each([
      ['two different ones', [identifier, 'https://other.example']],
      ['an unknown one', 'https://unknown.example'],
      ['one with a fragment (§2: MUST NOT)', `${identifier}#part`],
      ['one that is not absolute (§2: MUST)', '/orders'],
      ['one in another letter case', 'https://orders.example/API'],
    ])('%s: invalid_target [attack 24]', async (_, resource) => {
      const { status, body } = await live.token(key, { resource })
      expect([status, body.error]).toEqual([400, 'invalid_target'])
    })

    test('a token for it is no token at the management API', async () => {
      const { body } = await live.token(key, { resource: identifier })
      expect((await live.api('GET', '/v1/me', body.access_token)).status).toBe(401)
    })
  })

  describe('lifetime', () => {
    test("a client's own goes before the resource's", async () => {
      const settings = { kind: 'standard', name: 'short', token_validity: 120 }
      const created = await live.api('POST', '/v1/api-keys', key.api_key, settings)
      expect((await live.token(created.body)).body.expires_in).toBe(120)
    })

    test("a token never outlives its key; after the key's end there is none [attack 8, 12]", async () => {
      const { clock } = deployment
      const expires_at = new Date(clock.now() + 90_000).toISOString()
      const created = await live.api('POST', '/v1/api-keys', key.api_key, {
        kind: 'standard',
        name: 'dying',
        expires_at,
      })
      const { body } = await live.token(created.body)
      expect(body.expires_in).toBeLessThanOrEqual(90)
      clock.advance(90_000)
      expect((await live.token(created.body)).body.error).toBe('invalid_client')
      expect((await live.introspect(key, body.access_token)).body).toEqual({ active: false })
    })

    test('after an hour the token is inactive', async () => {
      const { body } = await live.token(key)
      deployment.clock.advance(3_599_000)
      expect((await live.introspect(key, body.access_token)).body.active).toBe(true)
      deployment.clock.advance(1_000)
      expect((await live.introspect(key, body.access_token)).body).toEqual({ active: false })
    })
  })

  describe('refused', () => {
    test('RFC 6749 §5.2: wrong secret, unknown client, malformed: one answer, 401 with the scheme', async () => {
      const other = deployment.made.test.client_secret
      for (const client_secret of [other, 'nonsense', key.client_secret.slice(0, -1), `${key.client_secret}A`]) {
        const { status, body, headers } = await live.token({ ...key, client_secret })
        expect([status, body.error]).toEqual([401, 'invalid_client'])
        expect(headers['www-authenticate']).toMatch(/^Basic realm=/)
      }
    })

    test('a key of the other mode, on either host, and it is said [attack 7]', async () => {
      const test = deployment.nodes[0].at('test')
      for (const [caller, wrong] of [
        [live, deployment.made.test],
        [test, deployment.made.live],
      ] as const) {
        const { status, body } = await caller.token(wrong)
        expect([status, body.error]).toEqual([401, 'invalid_client'])
        expect(body.error_description).toContain('the credential is for the other one')
      }
    })

    test('RFC 6749 §2.3: more than one authentication method [attack 3]', async () => {
      const form = { grant_type: 'client_credentials', ...key }
      const { status, body } = await live.form('/oauth/token', form, { authorization: basic(key) })
      expect([status, body.error]).toEqual([400, 'invalid_request'])
    })

    test.each(['grant_type', 'scope', 'client_id'])('RFC 6749 §3.2: %s sent twice [attack 4]', async (name) => {
      const form = `grant_type=client_credentials&${name}=a&${name}=b`
      const { status, body } = await live.form('/oauth/token', form, { authorization: basic(key) })
      expect([status, body.error]).toEqual([400, 'invalid_request'])
    })

    test.each([
      ['bad padding', 'Basic dGtfYWJj='],
      ['not base64', 'Basic %%%'],
      ['no colon', `Basic ${Buffer.from('tk_abc').toString('base64')}`],
      ['control characters', `Basic ${Buffer.from('tk_a\u0000:b').toString('base64')}`],
      ['a broken escape', `Basic ${Buffer.from('tk_a:%zz').toString('base64')}`],
      ['two of them', `Basic ${Buffer.from('tk_a:b').toString('base64')} more`],
      ['another scheme', 'Digest username="x"'],
      ['nothing after the scheme', 'Basic '],
    ])('an Authorization header with %s [attack 2]', async (_, authorization) => {
      const { status } = await live.form('/oauth/token', { grant_type: 'client_credentials' }, { authorization })
      expect([400, 401]).toContain(status)
    })

    test.each([
      ['a public key', 'public'],
      ['no client at all', undefined],
    ])('RFC 6749 §4.4: %s [attack 23]', async (_, kind) => {
      const created = kind && (await live.api('POST', '/v1/api-keys', key.api_key, { kind, name: 'p' })).body
      const form = { grant_type: 'client_credentials', ...(created && { client_id: created.client_id }) }
      const { status, body } = await live.form('/oauth/token', form)
      expect([status, body.error]).toEqual([401, 'invalid_client'])
    })

    test('RFC 6749 §5.2: a grant type that does not exist, and none', async () => {
      expect((await live.token(key, { grant_type: 'password' })).body.error).toBe('unsupported_grant_type')
      const { status, body } = await live.form('/oauth/token', { scope: 'a' }, { authorization: basic(key) })
      expect([status, body.error]).toEqual([400, 'invalid_request'])
    })

    test('RFC 6749 §3.2: the client MUST use POST, with a form [attack 25]', async () => {
      expect((await live.get('/oauth/token?grant_type=client_credentials')).status).toBe(405)
      const json = await live.form('/oauth/token', '{}', {
        authorization: basic(key),
        'content-type': 'application/json',
      })
      expect([json.status, json.body.error]).toEqual([400, 'invalid_request'])
    })

    test('a compressed body, a huge one [attack 25]', async () => {
      const headers = { authorization: basic(key), 'content-encoding': 'gzip' }
      expect((await live.form('/oauth/token', 'grant_type=client_credentials', headers)).status).toBe(415)
      const huge = await live.token(key, { padding: 'x'.repeat(2_000_000) })
      expect(huge.status).toBe(413)
    })
  })
})
