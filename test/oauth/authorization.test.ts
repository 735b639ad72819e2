import { createHash, randomBytes } from 'node:crypto'
import { beforeAll, describe, expect, test } from 'vitest'
import { AUTHORIZATION_REQUESTS_PER_MINUTE } from '../../server/oauth/authorization/request-limit.ts'
import { describeDeployment } from '../deployments.ts'
import { type Caller, startDeployment, type TestDeployment } from '../start.ts'
import {
  agree,
  type Browser,
  challengeOf,
  createApp,
  createBrowser,
  createPerson,
  REDIRECT_URI,
  type TestApp,
} from './people.ts'
import { createProver } from './prover.ts'

describeDeployment('cluster', 'the authorization endpoint (RFC 6749 §4.1, OAuth 2.1)', (open) => {
  let deployment: TestDeployment
  let live: Caller
  let app: TestApp
  let browser: Browser

  const verifier = randomBytes(32).toString('base64url')
  const pkce = { code_challenge: challengeOf(verifier), code_challenge_method: 'S256' }

  beforeAll(async () => {
    deployment = await startDeployment(open)
    live = deployment.nodes[0].at('live')
    app = await createApp(live, deployment.made.live.api_key)
    browser = createBrowser(live, await createPerson(deployment))
    await agree(browser, app) // signed in, and agreed
    await agree(browser, app, { scope: 'openid email' })
  })

  const request = (fields: Record<string, string | undefined> = {}) => {
    const all = {
      response_type: 'code',
      client_id: app.client_id,
      redirect_uri: REDIRECT_URI,
      state: 's',
      ...pkce,
      ...fields,
    }
    return new URLSearchParams(Object.entries(all).filter((entry): entry is [string, string] => entry[1] !== undefined))
  }
  const ask = (fields: Record<string, string | undefined> = {}, at = browser) =>
    at.open(`/oauth/authorize?${request(fields)}`)
  const answerOf = async (...asked: Parameters<typeof ask>) => {
    const { location } = await ask(...asked)
    expect(location).toMatch(/^https:\/\/app\.example\/callback\?/)
    return Object.fromEntries(new URL(location as string).searchParams)
  }
  const newcomer = async () => createBrowser(live, await createPerson(deployment))
  const redeem = (code: string, form: object = {}, headers = {}) =>
    live.form(
      '/oauth/token',
      { grant_type: 'authorization_code', client_id: app.client_id, code, code_verifier: verifier, ...form } as never,
      headers,
    )

  test('answers with a code, the state and the issuer (RFC 9207 §2), by a 303 (RFC 9700 §4.12) [attack 33]', async () => {
    const page = await ask()
    expect(page.status).toBe(303)
    expect(await answerOf()).toEqual({ code: expect.any(String), state: 's', iss: live.issuer })
  })

  test('no scope is all that the app has at the management API; a subset is exactly that', async () => {
    const all = await redeem((await answerOf()).code as string)
    expect(all.body.scope.split(' ')).toEqual(expect.arrayContaining(['api-keys:write', 'tokens:introspect']))
    const some = await redeem((await answerOf({ scope: 'openid api-keys:read' })).code as string)
    expect(some.body.scope).toBe('openid api-keys:read')
  })

  test('anything beyond is invalid_scope, naming it', async () => {
    const error = { error: 'invalid_scope', scope: 'planets:destroy', state: 's', iss: live.issuer }
    expect(await answerOf({ scope: 'api-keys:read planets:destroy' })).toMatchObject(error)
    expect(await answerOf({ scope: 'offline_access' })).toMatchObject({ error: 'invalid_scope' })
  })

  test('RFC 8707 §2.1: one resource of the tenant', async () => {
    const resource = { identifier: 'https://orders.example/', name: 'Orders', scopes: ['orders:read', 'orders:write'] }
    await live.api('POST', '/v1/resources', deployment.made.live.api_key, resource)
    const { code } = await agree(browser, app, { ...pkce, resource: resource.identifier })
    const { body } = await redeem(code, { resource: resource.identifier })
    expect(body.scope).toBe('orders:read orders:write')
    expect((await live.introspect(deployment.made.live, body.access_token)).body.aud).toBe(resource.identifier)
    expect(await answerOf({ resource: 'https://unknown.example' })).toMatchObject({ error: 'invalid_target' })
    const two = request({ resource: live.issuer })
    two.append('resource', 'https://orders.example/')
    const { location } = await browser.open(`/oauth/authorize?${two}`)
    expect(location).toContain('error=invalid_target')
  })

  describe('redirect URIs (RFC 9700 §2.1): to the letter, and otherwise no redirect', () => {
    test.each([
      'https://app.example/callback/',
      'https://app.example/Callback',
      'https://APP.example/callback',
      'https://app.example:443/callback',
      'https://app.example/callback?x=1',
      'https://app.example/callback#f',
      'https://app.example/a/../callback',
      'https://app.example/%63allback',
      'https://user@app.example/callback',
      'https://app.example.evil.example/callback',
      'https://sub.app.example/callback',
      'http://app.example/callback',
      'javascript:alert(1)//app.example',
      '//app.example/callback',
      'garbage',
      '',
    ])('%j is refused [attack 28]', async (redirect_uri) => {
      const second = await createApp(live, deployment.made.live.api_key, {
        redirect_uris: [REDIRECT_URI, 'https://app.example/other'],
      })
      const page = await ask({ redirect_uri, client_id: second.client_id })
      expect([page.status, page.location]).toEqual([400, undefined])
      expect(page.text).toMatch(/<html/)
    })

    test('RFC 8252 §7.3: of a loopback address any port, and nothing else [attack 28]', async () => {
      const native = await createApp(live, deployment.made.live.api_key, {
        redirect_uris: ['http://127.0.0.1/cb', 'com.example.app:/cb'],
      })
      const { code } = await agree(browser, native, { ...pkce, redirect_uri: 'http://127.0.0.1:51004/cb' })
      expect(code).toBeTruthy()
      await agree(browser, native, { ...pkce, redirect_uri: 'com.example.app:/cb' })
      for (const redirect_uri of [
        'http://127.0.0.1:51004/cb/',
        'http://localhost:51004/cb',
        'http://[::1]:1/cb',
        'com.example.app:/cb2',
      ]) {
        expect((await ask({ client_id: native.client_id, redirect_uri })).status).toBe(400)
      }
    })

    test('RFC 8252 §8.6: whoever listens there is asked for again each time, as nobody can tell who it is', async () => {
      const native = await createApp(live, deployment.made.live.api_key, { redirect_uris: ['http://127.0.0.1/cb'] })
      const wishes = { ...pkce, redirect_uri: 'http://127.0.0.1:51004/cb' }
      await agree(browser, native, wishes)
      const again = await ask({ ...wishes, client_id: native.client_id })
      expect([again.status, again.text]).toEqual([200, expect.stringContaining('name="decision"')])
    })
  })

  describe('clients', () => {
    test.each(['app_aaaaaaaaaaaa', 'garbage', '<script>alert(1)</script>', ''])('unknown: %j', async (client_id) => {
      const page = await ask({ client_id })
      expect([page.status, page.location]).toEqual([400, undefined])
      expect(page.text).not.toContain('<script>alert')
    })

    test('keys and service users have no part in it', async () => {
      expect((await ask({ client_id: deployment.made.live.client_id })).status).toBe(400)
    })

    test('a public key with redirect URIs is the client_id of a public client', async () => {
      const body = { kind: 'public', name: 'Browser', redirect_uris: [REDIRECT_URI], scopes: ['api-keys:read'] }
      const made = await live.api('POST', '/v1/api-keys', deployment.made.live.api_key, body)
      expect(made.status).toBe(201)
      const client = { ...made.body, redirect_uris: [REDIRECT_URI] }
      expect(client.client_id).toMatch(/^pk_live_/)
      const code = await agree(browser, client)
      const form = { grant_type: 'authorization_code', client_id: client.client_id, ...code }
      expect((await live.form('/oauth/token', form)).body.scope).toBe('api-keys:read')
    })

    test('one of the other mode is unknown', async () => {
      const sandbox = deployment.nodes[0].at('test')
      const other = await createApp(sandbox, deployment.made.test.api_key)
      expect((await ask({ client_id: other.client_id })).status).toBe(400)
    })
  })

  describe('PKCE (RFC 7636, OAuth 2.1)', () => {
    test.each([
      ['no challenge', { code_challenge: undefined, code_challenge_method: undefined }],
      ['plain', { code_challenge_method: 'plain' }],
      ['no method, which would be plain', { code_challenge_method: undefined }],
      ['a challenge that is too short', { code_challenge: 'x'.repeat(42) }],
      ['a challenge that is too long', { code_challenge: 'x'.repeat(129) }],
      ['a challenge with other characters', { code_challenge: `${'x'.repeat(42)}+` }],
    ])('%s: invalid_request [attack 27]', async (_, change) => {
      const answer = await answerOf(change)
      expect(answer).toMatchObject({ error: 'invalid_request', state: 's', iss: live.issuer })
      expect(answer).not.toHaveProperty('code') // so nobody is ever sent a verifier for a code without a challenge
    })

    test('of confidential apps as well [attack 27]', async () => {
      const confidential = await createApp(live, deployment.made.live.api_key, { type: 'confidential' })
      const none = { code_challenge: undefined, code_challenge_method: undefined }
      expect(await answerOf({ client_id: confidential.client_id, ...none })).toMatchObject({ error: 'invalid_request' })
    })
  })

  describe('what is not there', () => {
    test.each([
      ['the implicit grant', { response_type: 'token' }, 'unsupported_response_type'],
      ['hybrid flows', { response_type: 'code id_token' }, 'unsupported_response_type'],
      ['an unknown response mode', { response_mode: 'web_message' }, 'unsupported_response_mode'],
      ['a request object', { request: 'eyJhbGciOiJub25lIn0.e30.' }, 'request_not_supported'],
      ['a request by reference', { request_uri: 'https://internal.example/' }, 'request_uri_not_supported'],
    ])('%s: its own error [attack 34]', async (_, change, error) => {
      const { location } = await ask(change)
      expect(new URLSearchParams(location?.split(/[?#]/)[1]).get('error')).toBe(error)
    })

    test('RFC 9700 §2.6: CORS, and framing', async () => {
      const { headers } = await live.get(`/oauth/authorize?${request()}`, { origin: 'https://evil.example' })
      expect(headers).not.toHaveProperty('access-control-allow-origin')
      expect(headers['x-frame-options']).toBe('DENY')
    })

    test('RFC 6749 §3.1: a parameter more than once', async () => {
      const { location, status } = await browser.open(`/oauth/authorize?${request()}&scope=a&scope=b`)
      expect(location ?? String(status)).toMatch(/error=invalid_request|^400$/)
    })
  })

  describe('who is there (OpenID Connect Core §3.1.2.1)', () => {
    test('POST is served as GET is', async () => {
      const posted = await live.form('/oauth/authorize', request().toString())
      expect(posted.status).toBe(303)
      expect(posted.headers.location).toBe(`/oauth/authorize?${request()}`)
    })

    test('prompt=none: login_required, consent_required, or a code [attack 34]', async () => {
      expect(await answerOf({ prompt: 'none' }, await newcomer())).toMatchObject({
        error: 'login_required',
        state: 's',
      })
      const unseen = await createApp(live, deployment.made.live.api_key)
      expect(await answerOf({ prompt: 'none', client_id: unseen.client_id })).toMatchObject({
        error: 'consent_required',
      })
      expect(await answerOf({ prompt: 'none' })).toHaveProperty('code')
    })

    test('prompt=login asks for the password again, prompt=consent for agreement', async () => {
      expect((await ask({ prompt: 'login' })).text).toContain('name="password"')
      expect((await ask({ prompt: 'consent' })).text).toContain('name="decision"')
    })

    test('max_age=0 asks for the password again; auth_time says when it was', async () => {
      const again = await ask({ max_age: '0', scope: 'openid' })
      expect(again.text).toContain('name="password"')
      const { code } = await answerOf({ max_age: '3600', scope: 'openid', nonce: 'n' })
      const { id_token } = (await redeem(code as string)).body
      const claims = JSON.parse(Buffer.from(id_token.split('.')[1], 'base64url').toString())
      expect(claims).toMatchObject({ nonce: 'n', amr: ['pwd'] })
      expect(claims.auth_time).toBeGreaterThan(Date.now() / 1000 - 600)
    })

    test('login_hint is filled in, and inert', async () => {
      const hint = '"><script>alert(1)</script>'
      const { text } = await ask({ login_hint: hint }, await newcomer())
      expect(text).not.toContain('<script>alert')
      expect((await ask({ login_hint: 'ada@example.com' }, await newcomer())).text).toContain('value="ada@example.com"')
    })

    test('state is handed back as it came, escaped where it must be', async () => {
      const state = '"><script>alert(1)</script>&x=#'
      expect((await answerOf({ state })).state).toBe(state)
      const posted = await ask({ state, response_mode: 'form_post' })
      expect(posted.text).not.toContain('<script>alert')
      expect(posted.text).toContain('name="iss"')
    })

    test('form_post: the one script that submits it is allowed, by its hash, and nothing else', async () => {
      const query = request({ response_mode: 'form_post' })
      const cookie = [...browser.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
      const { headers, text } = await live.get(`/oauth/authorize?${query}`, { cookie })
      const [, script = ''] = /<script>([\s\S]*?)<\/script>/.exec(text) ?? []
      const hash = createHash('sha256').update(script).digest('base64')
      expect(headers['content-security-policy']).toBe(
        `default-src 'none';script-src 'sha256-${hash}';base-uri 'none';frame-ancestors 'none'`,
      )
    })
  })

  describe('pushed requests (RFC 9126)', () => {
    const push = (fields: Record<string, string | undefined> = {}, headers = {}, at = live) =>
      at.form('/oauth/par', request(fields).toString(), headers)

    test('§2.2: 201 with a request_uri, which stands for the request', async () => {
      const { status, body, headers } = await push({ scope: 'openid api-keys:read' })
      expect([status, headers['cache-control']]).toEqual([201, 'no-store'])
      expect(body).toEqual({
        request_uri: expect.stringMatching(/^urn:ietf:params:oauth:request_uri:.{20,}$/),
        expires_in: expect.any(Number),
      })
      const { location } = await browser.open(
        `/oauth/authorize?${new URLSearchParams({ client_id: app.client_id, request_uri: body.request_uri })}`,
      )
      const code = new URL(location as string).searchParams.get('code') as string
      expect((await redeem(code)).body.scope).toBe('openid api-keys:read')
    })

    test('§4: it is good once, on whichever node, and for its own client alone', async () => {
      const { request_uri } = (await push({}, {}, deployment.nodes[1].at('live'))).body
      const use = (client_id: string) =>
        browser.open(`/oauth/authorize?${new URLSearchParams({ client_id, request_uri })}`)
      const other = await createApp(live, deployment.made.live.api_key)
      expect((await use(other.client_id)).location ?? '').not.toContain('code=')
      expect((await use(app.client_id)).location).toContain('code=')
      expect((await use(app.client_id)).location ?? '').not.toContain('code=')
    })

    test('§2.1: the client is authenticated as at the token endpoint', async () => {
      const confidential = await createApp(live, deployment.made.live.api_key, { type: 'confidential' })
      const { client_id, client_secret } = confidential
      const bare = await push({ client_id })
      expect([bare.status, bare.body.error]).toEqual([401, 'invalid_client'])
      expect((await push({ client_id, client_secret })).status).toBe(201)
      const basic = `Basic ${Buffer.from(`${client_id}:${client_secret}`).toString('base64')}`
      expect((await push({ client_id: undefined }, { authorization: basic })).status).toBe(201)
      const key = deployment.made.live
      const { status } = await push({ client_id: key.client_id, client_secret: key.client_secret })
      expect(status).toBe(400)
    })

    test('§2.1: request_uri within it is refused; §2.3: what is wrong is said at once', async () => {
      expect((await push({ request_uri: 'urn:ietf:params:oauth:request_uri:x' })).status).toBe(400)
      expect((await push({ redirect_uri: 'https://evil.example' })).body.error).toMatch(/^invalid_re/)
      expect((await push({ scope: 'planets:destroy' })).body).toMatchObject({
        ...{ error: 'invalid_scope', scope: 'planets:destroy' },
      })
      expect((await push({ code_challenge: undefined, code_challenge_method: undefined })).body.error).toBe(
        'invalid_request',
      )
    })

    test('an app that requires it takes no other request', async () => {
      const strict = await createApp(live, deployment.made.live.api_key, { require_par: true })
      expect(await answerOf({ client_id: strict.client_id })).toMatchObject({ error: 'invalid_request' })
      expect((await push({ client_id: strict.client_id })).status).toBe(201)
    })

    describe('with DPoP (RFC 9449 §10.1)', () => {
      const endpoint = () => `${live.issuer}/oauth/par`

      test('a proof binds the code to its key', async () => {
        const prover = await createProver(deployment.clock.now)
        const { body } = await push({}, { dpop: await prover.prove('POST', endpoint()) })
        const { location } = await browser.open(
          `/oauth/authorize?${new URLSearchParams({ client_id: app.client_id, request_uri: body.request_uri })}`,
        )
        const code = new URL(location as string).searchParams.get('code') as string
        expect((await redeem(code)).body.error).toBe('invalid_grant')
        const dpop = await prover.prove('POST', `${live.issuer}/oauth/token`)
        expect((await redeem(code, {}, { dpop })).body.token_type).toBe('DPoP')
      })

      test('another dpop_jkt than the proof shows, a replayed proof, a proof for another endpoint', async () => {
        const prover = await createProver(deployment.clock.now)
        const dpop = await prover.prove('POST', endpoint())
        const mismatch = await push({ dpop_jkt: 'x'.repeat(43) }, { dpop })
        expect([mismatch.status, mismatch.body.error]).toEqual([400, 'invalid_dpop_proof'])
        const replayed = await push({}, { dpop }, deployment.nodes[1].at('live'))
        expect([replayed.status, replayed.body.error]).toEqual([400, 'invalid_dpop_proof'])
        const elsewhere = { dpop: await prover.prove('POST', `${live.issuer}/oauth/token`) }
        expect((await push({}, elsewhere)).body.error).toBe('invalid_dpop_proof')
      })
    })

    test('dpop_jkt in the request alone binds the code as well (§10)', async () => {
      const prover = await createProver(deployment.clock.now)
      const { code } = await answerOf({ dpop_jkt: prover.jkt })
      expect((await redeem(code as string)).body.error).toBe('invalid_grant')
    })
  })

  test('so many from one network, and no more: 429 with Retry-After, and nothing is kept', async () => {
    const { database } = deployment.storage
    const stranger = { 'x-forwarded-for': '203.0.113.7' }
    const { state } = deployment.storage
    for (let count = 0; count < AUTHORIZATION_REQUESTS_PER_MINUTE; count++) {
      await state.test.countFailure('authorize@127.0.0.1', 60_000)
    }
    const sandbox = deployment.nodes[0].at('test')
    const page = await sandbox.get(`/oauth/authorize?${request()}`, stranger)
    expect([page.status, page.headers['retry-after']]).toEqual([429, expect.stringMatching(/^\d+$/)])
    expect(page.text).toContain('<!doctype html>')
    expect(page.headers).not.toHaveProperty('set-cookie')
    const pushed = await sandbox.form('/oauth/par', request().toString(), stranger)
    expect([pushed.status, pushed.body.error]).toEqual([429, 'rate_limited'])
    expect(await database.signInSession.count({ where: { mode: 'test' } })).toBe(0)
    expect((await ask()).status).toBe(303) // the other mode counts for itself
  })

  describe('logout (OpenID Connect RP-Initiated Logout 1.0)', () => {
    test('ends the session after a question, and goes back to a registered URI alone', async () => {
      const leaving = await newcomer()
      const registered = await createApp(live, deployment.made.live.api_key, {
        post_logout_redirect_uris: ['https://app.example/bye'],
      })
      await agree(leaving, registered)
      const client_id = registered.client_id
      const evil = new URLSearchParams({ client_id, post_logout_redirect_uri: 'https://evil.example' })
      expect((await leaving.open(`/oauth/logout?${evil}`)).status).toBe(400)
      const good = new URLSearchParams({ client_id, post_logout_redirect_uri: 'https://app.example/bye', state: 'z' })
      const question = await leaving.open(`/oauth/logout?${good}`)
      expect(question.status).toBe(200)
      expect((await ask({ prompt: 'none', client_id }, leaving)).location).toContain('code=')
      const gone = await leaving.submit(question, /\/oauth\/logout\/confirm$/, { logout: 'yes' })
      expect(gone.location).toBe('https://app.example/bye?state=z')
      expect(await answerOf({ prompt: 'none', client_id }, leaving)).toMatchObject({ error: 'login_required' })
    })

    test('§2: POST is served as GET is', async () => {
      const client_id = app.client_id
      const evil = { client_id, post_logout_redirect_uri: 'https://evil.example' }
      const { status, headers } = await live.form('/oauth/logout', evil)
      expect(status).toBe(303)
      expect((await browser.open(headers.location as string)).status).toBe(400)
      const question = await live.form('/oauth/logout', { client_id })
      expect((await browser.open(question.headers.location as string)).text).toContain('/oauth/logout/confirm')
    })

    test('the ID token that we gave is a hint', async () => {
      const leaving = await newcomer()
      const code = await agree(leaving, app, { scope: 'openid' })
      const form = { grant_type: 'authorization_code', client_id: app.client_id, ...code }
      const { id_token } = (await live.form('/oauth/token', form)).body
      const question = await leaving.open(`/oauth/logout?${new URLSearchParams({ id_token_hint: id_token })}`)
      expect(question.status).toBe(200)
      const forged = `${id_token.slice(0, -8)}AAAAAAAA`
      expect((await leaving.open(`/oauth/logout?${new URLSearchParams({ id_token_hint: forged })}`)).status).toBe(400)
    })
  })
})
