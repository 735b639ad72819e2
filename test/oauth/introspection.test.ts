import { beforeAll, describe, expect, test } from 'vitest'
import { newAccessToken, newClientRef } from '../../server/credentials/format.ts'
import { describeDeployments } from '../deployments.ts'
import { basic, type Caller, type Key, startDeployment, type TestDeployment } from '../start.ts'

const INACTIVE = { active: false }

describeDeployments('introspection (RFC 7662)', (open) => {
  let deployment: TestDeployment
  let live: Caller
  let key: Key & { api_key: string }

  beforeAll(async () => {
    deployment = await startDeployment(open)
    live = deployment.nodes[0].at('live')
    key = deployment.made.live
  })

  test('§2.2: what an active token is', async () => {
    const { body: minted } = await live.token(key, { scope: 'api-keys:read' })
    const now = Math.floor(deployment.clock.now() / 1000)
    const { status, body, headers } = await live.introspect(key, minted.access_token)
    expect(status).toBe(200)
    expect(headers['cache-control']).toBe('no-store')
    expect(body).toEqual({
      active: true,
      token_type: 'Bearer',
      client_id: key.client_id,
      sub: key.client_id,
      scope: 'api-keys:read',
      iss: live.issuer,
      aud: live.issuer,
      iat: now,
      exp: now + 3600,
      jti: expect.stringMatching(/^tok_/),
    })
  })

  test('§2.1: token_type_hint may be wrong [attack 70]', async () => {
    const { body: minted } = await live.token(key)
    for (const token_type_hint of ['access_token', 'refresh_token', 'nonsense']) {
      const form = { token: minted.access_token, token_type_hint }
      const { body } = await live.form('/oauth/introspect', form, { authorization: basic(key) })
      expect(body.active).toBe(true)
    }
  })

  test('long-lived keys and service tokens too; token_type says which', async () => {
    expect((await live.introspect(key, key.api_key)).body).toMatchObject({
      active: true,
      token_type: 'api_key',
      client_id: key.client_id,
    })
    const user = await live.api('POST', '/v1/service-users', key.api_key, { name: 'robot', role: 'viewer' })
    const path = `/v1/service-users/${user.body.id}/tokens`
    const { body: issued } = await live.api('POST', path, key.api_key, { name: 'one' })
    const { body } = await live.introspect(key, issued.service_token)
    expect(body).toMatchObject({ active: true, token_type: 'service_token', client_id: user.body.id })
    expect(body.scope.split(' ')).not.toContain('api-keys:write')
  })

  describe('inactive, and not a word more', () => {
    test.each([
      ['garbage', 'garbage'],
      ['NUL', '\u0000'],
      ['a megabyte', 'x'.repeat(1_000_000)],
      ['never issued, with a right checksum', newAccessToken('live', newClientRef())],
      ['of the other mode, never issued', newAccessToken('test', newClientRef())],
      ['a public key', 'pk_live_abcdefghijkl'],
    ])('%s [attack 69]', async (_, token) => {
      const { status, body } = await live.introspect(key, token)
      expect([status, body]).toEqual([200, INACTIVE])
    })

    test('a valid token truncated, extended, or with its last letter changed [attack 69]', async () => {
      const { access_token } = (await live.token(key)).body
      const last = access_token.endsWith('A') ? 'B' : 'A'
      for (const token of [access_token.slice(0, -1), `${access_token}A`, access_token.slice(0, -1) + last]) {
        expect((await live.introspect(key, token)).body).toEqual(INACTIVE)
      }
    })

    test("an app's secret: it authenticates the app here, and opens nothing anywhere", async () => {
      const app = { name: 'An app', type: 'confidential', redirect_uris: ['https://app.example/callback'] }
      const { body } = await live.api('POST', '/v1/apps', key.api_key, app)
      expect((await live.introspect(key, body.client_secret)).body).toEqual(INACTIVE)
    })

    test("the other mode's token and key, at both issuers [attack 68]", async () => {
      const sandbox = deployment.nodes[0].at('test')
      const testKey = deployment.made.test
      const liveToken = (await live.token(key)).body.access_token
      const testToken = (await sandbox.token(testKey)).body.access_token
      for (const token of [testToken, testKey.api_key]) {
        expect((await live.introspect(key, token)).body).toEqual(INACTIVE)
      }
      for (const token of [liveToken, key.api_key]) {
        expect((await sandbox.introspect(testKey, token)).body).toEqual(INACTIVE)
      }
    })

    test('everything, for a caller without tokens:introspect [attack 67]', async () => {
      const body = { kind: 'standard', name: 'nosy', scopes: ['api-keys:read'] }
      const { body: nosy } = await live.api('POST', '/v1/api-keys', key.api_key, body)
      const { access_token } = (await live.token(nosy)).body
      for (const token of [access_token, nosy.api_key]) {
        expect((await live.introspect(nosy, token)).body).toEqual(INACTIVE)
      }
    })
  })

  describe('refused', () => {
    test('§2.1: no authentication, or a bearer token only [attack 67]', async () => {
      const { access_token } = (await live.token(key)).body
      for (const authorization of [undefined, `Bearer ${access_token}`, 'Basic eDp5']) {
        const headers = authorization === undefined ? {} : { authorization }
        const { status, body } = await live.form('/oauth/introspect', { token: access_token }, headers)
        expect([status, body.error]).toEqual([401, 'invalid_client'])
      }
    })

    test('§2.1: token is REQUIRED, once', async () => {
      const headers = { authorization: basic(key) }
      for (const form of ['', 'token=', 'token=a&token=b']) {
        const { status, body } = await live.form('/oauth/introspect', form, headers)
        expect([status, body.error]).toEqual([400, 'invalid_request'])
      }
    })

    test('§2.1: only POST', async () => {
      expect((await live.get('/oauth/introspect?token=a')).status).toBe(405)
    })
  })
})
