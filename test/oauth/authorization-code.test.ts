import { createLocalJWKSet, jwtVerify } from 'jose'
import { beforeAll, describe, expect, test } from 'vitest'
import { describeDeployments } from '../deployments.ts'
import { type Caller, startDeployment, type TestDeployment } from '../start.ts'
import { createApp, createPerson, type IssuedCode, issueCode, type Person, type TestApp } from './people.ts'
import { createProver } from './prover.ts'

describeDeployments('the authorization_code grant', (open) => {
  let deployment: TestDeployment
  let live: Caller
  let person: Person
  let app: TestApp
  let other: TestApp

  beforeAll(async () => {
    deployment = await startDeployment(open)
    live = deployment.nodes[0].at('live')
    person = await createPerson(deployment)
    app = await createApp(live, deployment.made.live.api_key)
    other = await createApp(live, deployment.made.live.api_key, { name: 'Another app' })
  })

  const issue = (wishes: Partial<IssuedCode> = {}, of = app) =>
    issueCode(deployment, person, of, { resource: live.issuer, ...wishes })
  const redeem = (form: object, headers = {}, at: Caller = live) =>
    at.form('/oauth/token', { grant_type: 'authorization_code', client_id: app.client_id, ...form } as never, headers)
  const introspect = async (token: string, node: 0 | 1 = 0) =>
    (await deployment.nodes[node].at('live').introspect(deployment.made.live, token)).body
  const errorOf = async (request: ReturnType<typeof redeem>) => {
    const { status, body } = await request
    return [status, body.error]
  }

  test('RFC 6749 §4.1.4: an access token, a refresh token, and for openid an ID token', async () => {
    const { status, body, headers } = await redeem(await issue({ nonce: 'n-1' }))
    expect(status).toBe(200)
    expect(headers['cache-control']).toBe('no-store')
    expect(body).toMatchObject({ token_type: 'Bearer', expires_in: 3600, scope: 'openid api-keys:read api-keys:write' })
    expect(body.access_token).toMatch(/^kc_live_/)
    expect(body.refresh_token).toMatch(/^kr_live_/)
    expect(await introspect(body.access_token)).toMatchObject({
      ...{ active: true, client_id: app.client_id, sub: person.id, aud: live.issuer },
    })
    expect(await introspect(body.refresh_token)).toMatchObject({ active: true, token_type: 'refresh_token' })
    const keys = createLocalJWKSet((await live.get('/oauth/jwks')).body)
    const { payload, protectedHeader } = await jwtVerify(body.id_token, keys, {
      ...{ issuer: live.issuer, audience: app.client_id, currentDate: new Date(deployment.clock.now()) },
    })
    expect(protectedHeader.alg).toBe('RS256') // OpenID Connect Core §15.1
    expect(payload).toMatchObject({ sub: person.id, nonce: 'n-1', amr: ['pwd'], auth_time: expect.any(Number) })
  })

  test('the token speaks for the person at the management API and at userinfo', async () => {
    const { body } = await redeem(await issue({ scope: ['openid', 'email', 'audit-logs:read', 'resources:write'] }))
    const authorization = `Bearer ${body.access_token}`
    expect((await live.get('/oauth/userinfo', { authorization })).body).toEqual({ sub: person.id, email: person.email })
    const resource = { identifier: `https://${person.id}.example`, name: 'Orders', scopes: ['orders:read'] }
    expect((await live.api('POST', '/v1/resources', body.access_token, resource)).status).toBe(201)
    const logs = await live.api('GET', '/v1/audit-logs?action=resource.created', body.access_token)
    expect(logs.body.data[0].actor).toMatchObject({ type: 'member', id: person.id })
  })

  test('OpenID Connect Core §5.3: userinfo needs openid', async () => {
    const { body } = await redeem(await issue({ scope: ['api-keys:read'] }))
    expect(body).not.toHaveProperty('id_token')
    const { status, headers } = await live.get('/oauth/userinfo', { authorization: `Bearer ${body.access_token}` })
    expect([status, headers['www-authenticate']]).toEqual([403, expect.stringContaining('insufficient_scope')])
    expect((await live.get('/oauth/userinfo')).status).toBe(401)
  })

  test('RFC 7636 §4.6: the verifier must be there and match, and is 43 to 128 characters long [attack 27]', async () => {
    const { code, redirect_uri, code_verifier } = await issue()
    expect(await errorOf(redeem({ code, redirect_uri }))).toEqual([400, 'invalid_request'])
    for (const wrong of ['x'.repeat(43), 'x'.repeat(42), 'x'.repeat(129), `${code_verifier}!`]) {
      expect(await errorOf(redeem({ code, redirect_uri, code_verifier: wrong }))).toEqual([400, 'invalid_grant'])
    }
    expect((await redeem({ code, redirect_uri, code_verifier })).status).toBe(200)
  })

  test('RFC 6749 §4.1.3: another redirect URI is refused; OAuth 2.1: none is needed [attack 32]', async () => {
    const { code, code_verifier } = await issue()
    for (const redirect_uri of [
      'https://app.example/callback/',
      'https://APP.example/callback',
      'https://evil.example',
    ]) {
      expect(await errorOf(redeem({ code, code_verifier, redirect_uri }))).toEqual([400, 'invalid_grant'])
    }
    expect((await redeem({ code, code_verifier })).status).toBe(200)
  })

  test('RFC 8707 §2.2: for another resource it is refused [attack 32]', async () => {
    const code = await issue()
    expect(await errorOf(redeem({ ...code, resource: 'https://unknown.example' }))).toEqual([400, 'invalid_target'])
    expect((await redeem({ ...code, resource: live.issuer })).status).toBe(200)
  })

  test("another client's code is refused, and good for nobody any more [attack 31]", async () => {
    const code = await issue()
    expect(await errorOf(redeem({ ...code, client_id: other.client_id }))).toEqual([400, 'invalid_grant'])
    expect(await errorOf(redeem(code))).toEqual([400, 'invalid_grant'])
  })

  test('a code that is garbage, missing, or too old', async () => {
    const code = await issue()
    expect(await errorOf(redeem({ ...code, code: 'garbage' }))).toEqual([400, 'invalid_grant'])
    expect(await errorOf(redeem({ ...code, code: '' }))).toEqual([400, 'invalid_request'])
  })

  test('a withdrawn consent ends the code', async () => {
    const code = await issue()
    await withdraw(code.consentId)
    expect(await errorOf(redeem(code))).toEqual([400, 'invalid_grant'])
  })

  test('what the app lost since the code was given is not given any more', async () => {
    const narrowed = await createApp(live, deployment.made.live.api_key)
    const form = { client_id: narrowed.client_id }
    const [code, another] = [await issue({}, narrowed), await issue({ scope: ['api-keys:write'] }, narrowed)]
    const scopes = ['api-keys:read']
    const { status } = await live.api('PATCH', `/v1/apps/${narrowed.id}`, deployment.made.live.api_key, { scopes })
    expect(status).toBe(200)
    expect((await redeem({ ...code, ...form })).body.scope).toBe('openid api-keys:read')
    expect(await errorOf(redeem({ ...another, ...form }))).toEqual([400, 'invalid_scope'])
  })

  async function withdraw(id: string): Promise<void> {
    const { withdrawConsent } = await import('../../server/people/consent.ts')
    const { changeOf } = await import('../tenants.ts')
    const origin = { actor: { type: 'member' as const, id: person.id, name: person.email } }
    await changeOf(deployment)({ tenantId: person.tenantId, mode: 'live' }, origin, (transaction) =>
      withdrawConsent(transaction, { id, memberId: person.id }, new Date(deployment.clock.now())),
    )
  }

  test('a withdrawn consent ends at once all that it gave, on both nodes', async () => {
    const code = await issue()
    const { body } = await redeem(code)
    await withdraw(code.consentId)
    for (const node of [0, 1] as const) {
      expect(await introspect(body.access_token, node)).toEqual({ active: false })
      expect(await introspect(body.refresh_token, node)).toEqual({ active: false })
    }
    const form = { grant_type: 'refresh_token', client_id: app.client_id, refresh_token: body.refresh_token }
    expect((await live.form('/oauth/token', form)).body.error).toBe('invalid_grant')
  })

  describe('single use (RFC 6749 §4.1.2)', () => {
    test('a second use is refused and takes back what the first one gave, on both nodes; the audit log says so [attack 29]', async () => {
      const code = await issue()
      const { body } = await redeem(code)
      expect(await introspect(body.access_token, 1)).toMatchObject({ active: true })
      expect(await errorOf(redeem(code, {}, deployment.nodes[1].at('live')))).toEqual([400, 'invalid_grant'])
      for (const node of [0, 1] as const) expect(await introspect(body.access_token, node)).toEqual({ active: false })
      const form = { grant_type: 'refresh_token', client_id: app.client_id, refresh_token: body.refresh_token }
      expect((await live.form('/oauth/token', form)).body.error).toBe('invalid_grant')
      const log = await live.api('GET', '/v1/audit-logs?limit=1&action=refresh_family.*', deployment.made.live.api_key)
      expect(log.body.data[0]).toMatchObject({
        action: 'refresh_family.theft_detected',
        details: { reason: 'code_reused', member_id: person.id },
      })
    })

    test('30 s later too', async () => {
      const code = await issue()
      const { body } = await redeem(code)
      deployment.clock.advance(30_000)
      expect(await errorOf(redeem(code))).toEqual([400, 'invalid_grant'])
      expect(await introspect(body.access_token)).toEqual({ active: false })
    })

    test('of 20 at once over two nodes exactly one gets tokens [attack 30]', async () => {
      const code = await issue()
      const uses = Array.from({ length: 20 }, (_, at) => redeem(code, {}, deployment.nodes[at % 2 ? 1 : 0].at('live')))
      const answers = await Promise.all(uses)
      expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
      expect(answers.filter(({ body }) => body.error === 'invalid_grant')).toHaveLength(19)
      const token = answers.find(({ status }) => status === 200)?.body.access_token
      expect(await introspect(token)).toEqual({ active: false }) // it was used more than once
    })
  })

  describe('DPoP (RFC 9449)', () => {
    const endpoint = () => `${live.issuer}/oauth/token`

    test('§10: a code bound to a key wants a proof of that key', async () => {
      const prover = await createProver(deployment.clock.now)
      const thief = await createProver(deployment.clock.now)
      const code = await issue({ dpopJkt: prover.jkt })
      expect(await errorOf(redeem(code))).toEqual([400, 'invalid_grant'])
      const stolen = { dpop: await thief.prove('POST', endpoint()) }
      expect(await errorOf(redeem(code, stolen))).toEqual([400, 'invalid_grant'])
      const { body } = await redeem(code, { dpop: await prover.prove('POST', endpoint()) })
      expect(body.token_type).toBe('DPoP')
      expect(await introspect(body.access_token)).toMatchObject({ cnf: { jkt: prover.jkt } })
    })

    test('§5: the refresh token of a public client is bound to the key of the proof [attack 43]', async () => {
      const prover = await createProver(deployment.clock.now)
      const { body } = await redeem(await issue(), { dpop: await prover.prove('POST', endpoint()) })
      const form = { grant_type: 'refresh_token', client_id: app.client_id, refresh_token: body.refresh_token }
      const unproven = await live.form('/oauth/token', form)
      expect([unproven.status, unproven.body.error]).toEqual([400, 'invalid_grant'])
      const thief = await createProver(deployment.clock.now)
      const stolen = await live.form('/oauth/token', form, { dpop: await thief.prove('POST', endpoint()) })
      expect([stolen.status, stolen.body.error]).toEqual([400, 'invalid_grant'])
      const refreshed = await live.form('/oauth/token', form, { dpop: await prover.prove('POST', endpoint()) })
      expect([refreshed.status, refreshed.body.token_type]).toEqual([200, 'DPoP'])
      expect(await introspect(refreshed.body.refresh_token)).toMatchObject({ cnf: { jkt: prover.jkt } })
    })

    test('§5.2: an app that requires it gets nothing without', async () => {
      const bound = await createApp(live, deployment.made.live.api_key, { require_dpop: true })
      const code = await issue({}, bound)
      const form = { ...code, client_id: bound.client_id }
      expect(await errorOf(redeem(form))).toEqual([400, 'invalid_dpop_proof'])
      const prover = await createProver(deployment.clock.now)
      expect((await redeem(form, { dpop: await prover.prove('POST', endpoint()) })).status).toBe(200)
    })
  })

  describe('who may', () => {
    test('a confidential app must authenticate, and only as itself', async () => {
      const secret = await createApp(live, deployment.made.live.api_key, { type: 'confidential' })
      const code = await issue({}, secret)
      const form = { grant_type: 'authorization_code', ...code }
      const { client_id } = secret
      expect((await live.form('/oauth/token', { ...form, client_id } as never)).status).toBe(401)
      const wrong = { client_id, client_secret: `${secret.client_secret?.slice(0, -1)}x` }
      expect((await live.form('/oauth/token', { ...form, ...wrong } as never)).status).toBe(401)
      const stranger = { client_id: app.client_id, client_secret: secret.client_secret }
      expect((await live.form('/oauth/token', { ...form, ...stranger } as never)).status).toBe(401)
      const right = { client_id, client_secret: secret.client_secret }
      expect((await live.form('/oauth/token', { ...form, ...right } as never)).status).toBe(200)
    })

    test('a key may not', async () => {
      const { client_id, client_secret } = deployment.made.live
      const form = { grant_type: 'authorization_code', ...(await issue()), client_id, client_secret }
      const { status, body } = await live.form('/oauth/token', form as never)
      expect([status, body.error]).toEqual([400, 'unauthorized_client'])
    })
  })
})
