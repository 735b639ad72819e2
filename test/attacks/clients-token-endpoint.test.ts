import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib'
import { beforeAll, describe, expect, test } from 'vitest'
import { FAILURES_PER_MINUTE } from '../../server/credentials/failure-limit.ts'
import { newStandardKey, splitKey } from '../../server/credentials/format.ts'
import { StoreUnavailable } from '../../server/storage/state-store.ts'
import { describeDeployment } from '../deployments.ts'
import { exchange, rawRequest, statusOf } from '../http/raw.ts'
import { createApp, createPerson, issueCode, makePersonalToken, type TestApp } from '../oauth/people.ts'
import { basic, type Caller, type Key, startDeployment, type TestDeployment } from '../start.ts'
import { createTenant, setTenantStatus } from '../tenants.ts'

const GRANT = 'grant_type=client_credentials'

describeDeployment('cluster', 'the token endpoint', (open) => {
  let deployment: TestDeployment
  let live: Caller
  let port: number
  let key: Key & { api_key: string }
  let app: TestApp
  let confidential: Key

  beforeAll(async () => {
    deployment = await startDeployment(open)
    live = deployment.nodes[0].at('live')
    port = Number(new URL(live.issuer).port)
    key = deployment.made.live
    app = await createApp(live, key.api_key, { refresh_retry_window: 0 })
    confidential = (await createApp(live, key.api_key, { type: 'confidential' })) as Key
  })

  const code = async (of: TestApp = app) => {
    const {
      consentId: _,
      consentRef: __,
      ...agreed
    } = await issueCode(deployment, await createPerson(deployment), of, {
      resource: live.issuer,
    })
    return agreed
  }
  const redeem = async () =>
    live.form('/oauth/token', { grant_type: 'authorization_code', client_id: app.client_id, ...(await code()) })

  describe('client_credentials for whom it is not', () => {
    const by = (pair: Partial<Key>) => live.form('/oauth/token', { grant_type: 'client_credentials', ...pair })

    test('an app that proves who it is: unauthorized_client (RFC 6749 §5.2) [attack 23]', async () => {
      for (const answer of [await by(confidential), await live.token(confidential)]) {
        expect([answer.status, answer.body.error]).toEqual([400, 'unauthorized_client'])
        expect(answer.body).not.toHaveProperty('refresh_token')
      }
    })

    test('a public app by its name, which is all it has: unauthorized_client (RFC 6749 §4.4) [attack 23]', async () => {
      for (const pair of [{ client_id: app.client_id }, { client_id: app.client_id, scope: 'openid offline_access' }]) {
        const { status, body } = await by(pair)
        expect([status, body.error]).toEqual([400, 'unauthorized_client'])
      }
    })

    test('nobody who can be known: a public key, service tokens and people’s own [attack 23]', async () => {
      const post = async (path: string, body: object) => (await live.api('POST', path, key.api_key, body)).body
      const { client_id } = await post('/v1/api-keys', { kind: 'public', name: 'web' })
      const user = await post('/v1/service-users', { name: 'robot', role: 'admin' })
      const { service_token } = await post(`/v1/service-users/${user.id}/tokens`, { name: 't' })
      const { personal_access_token } = await makePersonalToken(deployment, await createPerson(deployment))
      const tokens = [service_token, personal_access_token].flatMap((token: string) => {
        const pair = splitKey(token)
        return [
          { client_id: pair.clientId, client_secret: pair.clientSecret },
          { client_id: user.client_id, client_secret: token },
        ]
      })
      for (const pair of [{ client_id }, { client_id, client_secret: 'x' }, { client_id: user.client_id }, ...tokens]) {
        const { status, body } = await by(pair)
        expect([pair, status, body.error]).toEqual([pair, 401, 'invalid_client'])
      }
    })

    test('no refresh token comes of it, whatever is asked for [attack 23]', async () => {
      const scopes = ['api-keys:read', 'api-keys:read apps:read']
      for (const scope of scopes) expect((await live.token(key, { scope })).body).not.toHaveProperty('refresh_token')
      for (const scope of ['offline_access', 'openid', 'openid offline_access']) {
        expect((await live.token(key, { scope })).body.error).toBe('invalid_scope')
      }
    })
  })

  describe('requests that are none', () => {
    const raw = (headers: Record<string, string | string[]>, body: string | Buffer) => {
      const text = typeof body === 'string' ? body : body.toString('latin1')
      const own = { host: new URL(live.issuer).host, authorization: basic(key), 'content-length': String(text.length) }
      return exchange(port, rawRequest('POST /oauth/token', { ...own, ...headers }, text))
    }
    const FORM = 'application/x-www-form-urlencoded'

    test.each<[string, Record<string, string | string[]>, string]>([
      ['no content type', {}, GRANT],
      ['JSON', { 'content-type': 'application/json' }, '{"grant_type":"client_credentials"}'],
      ['JSON that says it is a form', { 'content-type': FORM }, '{"grant_type":"client_credentials"}'],
      ['plain text', { 'content-type': 'text/plain' }, GRANT],
      ['multipart', { 'content-type': 'multipart/form-data; boundary=x' }, '--x\r\n\r\n--x--'],
      ['two content types, the wrong one first', { 'content-type': ['application/json', FORM] }, GRANT],
      ['two content types, the form first', { 'content-type': [FORM, 'application/json'] }, GRANT],
      ['two content types in one', { 'content-type': `application/json, ${FORM}` }, GRANT],
      ['a content type that only begins like it', { 'content-type': `${FORM}x` }, GRANT],
    ])('%s: no form, 400 [attack 25]', async (_, headers, body) => {
      const answer = await raw(headers, body)
      expect(statusOf(answer)).toBe(400)
      expect(answer).toContain('"error":"invalid_request"')
      expect(answer).not.toContain('access_token')
    })

    test('two clients in two Authorization headers are nobody (RFC 6749 §2.3) [attack 3]', async () => {
      const authorization = [basic(key), basic(deployment.made.test)]
      expect(statusOf(await raw({ 'content-type': FORM, authorization }, GRANT))).toBe(400)
    })

    test.each(['GET', 'HEAD', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE'])(
      '%s instead of POST: 405 [attack 25]',
      async (method) => {
        const headers = { host: new URL(live.issuer).host, authorization: basic(key) }
        const answer = await exchange(port, rawRequest(`${method} /oauth/token?${GRANT}`, headers))
        expect(statusOf(answer)).toBe(405)
        expect(answer).toMatch(/\r\nallow: POST\r\n/i)
        expect(answer).not.toContain('access_token')
      },
    )

    test('parameters of the URL are nobody’s (RFC 6749 §3.2, §2.3.1) [attack 25]', async () => {
      const { client_id, client_secret } = key
      const all = new URLSearchParams({ grant_type: 'client_credentials', client_id, client_secret })
      const { status, body } = await live.form(`/oauth/token?${all}`, '')
      expect([status, body.error]).toEqual([401, 'invalid_client'])
    })

    const bomb = Buffer.alloc(10_000_000, `${GRANT}&`)
    test.each<[string, Buffer]>([
      ['gzip', gzipSync(bomb)],
      ['deflate', deflateSync(bomb)],
      ['br', brotliCompressSync(bomb.subarray(0, 1_000_000))],
      ['identity, gzip', gzipSync(bomb)],
      ['GZIP', gzipSync(bomb)],
    ])('a bomb of %s: 415, unopened [attack 25]', async (encoding, body) => {
      const answer = await raw({ 'content-type': FORM, 'content-encoding': encoding }, body)
      expect(statusOf(answer)).toBe(415)
    })
  })

  describe('no cache keeps what it answers (RFC 6749 §5.1)', () => {
    const flooded = async () => {
      const wrong = () => splitKey(newStandardKey('live', key.client_id.slice(3))).clientSecret
      for (let each = 0; each < FAILURES_PER_MINUTE.clientFromNetwork; each++) {
        await live.token({ ...key, client_secret: wrong() })
      }
      return live.token({ ...key, client_secret: wrong() })
    }
    const ofPausedTenant = async () => {
      const { id, keys } = await createTenant(deployment)
      await setTenantStatus(deployment, id, 'paused')
      return live.token(keys.live)
    }
    const whileStoreFails = async (failure: Error) => {
      const { state } = deployment.storage
      const original = state.live.standings
      state.live.standings = () => Promise.reject(failure)
      try {
        return await live.token(key)
      } finally {
        state.live.standings = original
      }
    }
    const refreshed = async (twice: boolean) => {
      const { refresh_token } = (await redeem()).body
      const form = { grant_type: 'refresh_token', client_id: app.client_id, refresh_token }
      const first = await live.form('/oauth/token', form)
      return twice ? live.form('/oauth/token', form) : first
    }
    const EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange'
    const downScoped = async () => {
      const { access_token } = (await live.token(key)).body
      const subject_token_type = 'urn:ietf:params:oauth:token-type:access_token'
      return live.token(key, {
        grant_type: EXCHANGE,
        subject_token: access_token,
        subject_token_type,
        scope: 'apps:read',
      })
    }

    const ANSWERS: [number, string, () => PromiseLike<Awaited<ReturnType<typeof redeem>>>][] = [
      [200, 'a token of client_credentials', () => live.token(key)],
      [200, 'tokens for a code', redeem],
      [200, 'tokens for a refresh token', () => refreshed(false)],
      [200, 'a narrower token', downScoped],
      [400, 'invalid_request', () => live.form('/oauth/token', 'scope=a&scope=b', { authorization: basic(key) })],
      [
        400,
        'invalid_grant of a code',
        () =>
          live.form('/oauth/token', {
            ...{ grant_type: 'authorization_code', client_id: app.client_id, code: 'x', code_verifier: 'x'.repeat(43) },
          }),
      ],
      [400, 'invalid_grant of a refresh token that was used', () => refreshed(true)],
      [400, 'invalid_scope', () => live.token(key, { scope: 'planets:destroy' })],
      [400, 'invalid_target', () => live.token(key, { resource: 'https://unknown.example' })],
      [400, 'invalid_dpop_proof', () => live.token(key, {}, { dpop: 'x' })],
      [400, 'unauthorized_client', () => live.token(confidential)],
      [400, 'unsupported_grant_type', () => live.token(key, { grant_type: 'password' })],
      [401, 'invalid_client', () => live.token({ ...key, client_secret: 'x' })],
      [401, 'nobody', () => live.form('/oauth/token', GRANT)],
      [403, 'subscription_inactive', ofPausedTenant],
      [405, 'another method', () => live.get(`/oauth/token?${GRANT}`)],
      [413, 'a large body', () => live.token(key, { padding: 'x'.repeat(100_000) })],
      [415, 'a compressed one', () => live.form('/oauth/token', GRANT, { 'content-encoding': 'gzip' })],
      [421, 'another host', () => live.form('/oauth/token', GRANT, { host: 'evil.example' })],
      [429, 'too many guesses', flooded],
      [500, 'a mistake of ours', () => whileStoreFails(new Error('a mistake'))],
      [503, 'a store that is away', () => whileStoreFails(new StoreUnavailable('redis', new Error('away')))],
    ]

    test.each(ANSWERS)('no-store in a %i: %s [attack 26]', async (status, _, ask) => {
      const answer = await ask()
      expect([answer.status, answer.headers['cache-control']]).toEqual([status, 'no-store'])
      expect(answer.headers).not.toHaveProperty('etag')
      // HTTP/1.0's word for it.
      if (status < 405) expect(answer.headers.pragma).toBe('no-cache')
    })
  })
})
