import { beforeAll, describe, expect, test } from 'vitest'
import { describeDeployments } from '../deployments.ts'
import { type Caller, startDeployment, type TestDeployment } from '../start.ts'
import { createApp, createPerson, type IssuedCode, issueCode, type Person, type TestApp } from './people.ts'
import { createProver } from './prover.ts'

const DAY = 24 * 3600_000

describeDeployments('refresh families (RFC 9700 §4.14)', (open) => {
  let deployment: TestDeployment
  let live: Caller
  let person: Person
  let app: TestApp

  beforeAll(async () => {
    deployment = await startDeployment(open)
    live = deployment.nodes[0].at('live')
    person = await createPerson(deployment)
    app = await appWith({})
  })

  const appWith = (fields: object) => createApp(live, deployment.made.live.api_key, fields)
  const nodeAt = (at: number) => deployment.nodes[at % 2 ? 1 : 0].at('live')

  async function begin(of = app, wishes: Partial<IssuedCode> = {}, form: object = {}, headers = {}) {
    const code = await issueCode(deployment, person, of, { resource: live.issuer, ...wishes })
    const request = { grant_type: 'authorization_code', client_id: of.client_id, ...code, ...form }
    const { status, body } = await live.form('/oauth/token', request as never, headers)
    expect(status).toBe(200)
    return body as { access_token: string; refresh_token: string }
  }

  const refresh = (refresh_token: string, form: object = {}, headers = {}, at: Caller = live) =>
    at.form(
      '/oauth/token',
      { grant_type: 'refresh_token', client_id: app.client_id, refresh_token, ...form } as never,
      headers,
    )

  const isActive = async (token: string, node: 0 | 1 = 0) =>
    (await deployment.nodes[node].at('live').introspect(deployment.made.live, token)).body.active as boolean

  async function expectDead(...tokens: string[]): Promise<void> {
    for (const token of tokens) for (const node of [0, 1] as const) expect(await isActive(token, node)).toBe(false)
  }

  const lastEvent = async (action: string) => {
    const { body } = await live.api('GET', `/v1/audit-logs?limit=1&action=${action}`, deployment.made.live.api_key)
    return body.data[0]
  }

  test('RFC 6749 §6: a new access token and a new refresh token; the one before is used up', async () => {
    const first = await begin()
    const { status, body } = await refresh(first.refresh_token)
    expect(status).toBe(200)
    expect(body).toMatchObject({ token_type: 'Bearer', scope: 'openid api-keys:read api-keys:write' })
    expect(body.refresh_token).not.toBe(first.refresh_token)
    expect(await isActive(first.refresh_token)).toBe(false)
    expect(await isActive(first.access_token)).toBe(true)
    expect(await isActive(body.refresh_token, 1)).toBe(true)
    expect(await isActive(body.access_token, 1)).toBe(true)
  })

  test('OpenID Connect Core §12.2: the ID token of a refresh has no nonce and the same auth_time', async () => {
    const first = await begin(app, { nonce: 'n' })
    deployment.clock.advance(5_000)
    const { body } = await refresh(first.refresh_token)
    const claims = JSON.parse(Buffer.from(body.id_token.split('.')[1], 'base64url').toString())
    expect(claims).toMatchObject({ sub: person.id, aud: app.client_id })
    expect(claims).not.toHaveProperty('nonce')
    expect(claims.iat - claims.auth_time).toBeGreaterThanOrEqual(5)
  })

  describe('scope', () => {
    test('RFC 6749 §6: less may be asked for, and the next refresh has all again', async () => {
      const { refresh_token } = await begin()
      const narrow = await refresh(refresh_token, { scope: 'api-keys:read' })
      expect(narrow.body.scope).toBe('api-keys:read')
      const wide = await refresh(narrow.body.refresh_token)
      expect(wide.body.scope).toBe('openid api-keys:read api-keys:write')
    })

    test('more is invalid_scope, names it, and uses nothing up [attack 32]', async () => {
      const { refresh_token } = await begin()
      const { status, body } = await refresh(refresh_token, { scope: 'api-keys:read tenant:write' })
      expect([status, body.error, body.scope]).toEqual([400, 'invalid_scope', 'tenant:write'])
      expect((await refresh(refresh_token)).status).toBe(200)
    })

    test('RFC 8707 §2.2: another resource is invalid_target, and uses nothing up [attack 32]', async () => {
      const { refresh_token } = await begin()
      const { body } = await refresh(refresh_token, { resource: 'https://orders.example' })
      expect(body.error).toBe('invalid_target')
      expect((await refresh(refresh_token, { resource: live.issuer })).status).toBe(200)
    })

    test('what the app lost since then is not given any more', async () => {
      const narrowed = await appWith({ scopes: ['api-keys:read', 'api-keys:write'] })
      const { refresh_token } = await begin(narrowed)
      const path = `/v1/apps/${narrowed.id}`
      const change = { scopes: ['api-keys:read'] }
      expect((await live.api('PATCH', path, deployment.made.live.api_key, change)).status).toBe(200)
      const { body } = await refresh(refresh_token, { client_id: narrowed.client_id }, {}, nodeAt(1))
      expect(body.scope).toBe('openid api-keys:read')
    })
  })

  describe('theft', () => {
    test('a used token that comes back 1 s later ends the family on both nodes, and the audit log says so [attack 35]', async () => {
      const first = await begin()
      const second = (await refresh(first.refresh_token)).body
      deployment.clock.advance(1_000)
      const { status, body } = await refresh(first.refresh_token, {}, {}, nodeAt(1))
      expect([status, body.error]).toEqual([400, 'invalid_grant'])
      await expectDead(first.access_token, second.access_token, second.refresh_token)
      expect((await refresh(second.refresh_token)).body.error).toBe('invalid_grant')
      expect(await lastEvent('refresh_family.theft_detected')).toMatchObject({
        actor: { type: 'app', id: app.id },
        details: { reason: 'refresh_token_reused', member_id: person.id, sandbox: false },
      })
    })

    test('of 30 refreshes at once over two nodes exactly one wins, and the family is dead [attack 37]', async () => {
      deployment.clock.advance(1_000)
      const { refresh_token } = await begin()
      const uses = Array.from({ length: 30 }, (_, at) => refresh(refresh_token, {}, {}, nodeAt(at)))
      const answers = await Promise.all(uses)
      expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
      expect(answers.filter(({ body }) => body.error === 'invalid_grant')).toHaveLength(29)
      const winner = answers.find(({ status }) => status === 200)?.body
      await expectDead(winner.access_token, winner.refresh_token)
      const { body } = await live.api('GET', '/v1/audit-logs?action=refresh_family.*', deployment.made.live.api_key)
      const thefts = body.data.filter(({ action, at }: { action: string; at: string }) => {
        return action === 'refresh_family.theft_detected' && Date.parse(at) === deployment.clock.now()
      })
      expect(thefts).toHaveLength(1) // told once, however many found it
    })

    test("in another client's hands it ends the family", async () => {
      const first = await begin()
      const stranger = await appWith({ name: 'A stranger' })
      const { body } = await refresh(first.refresh_token, { client_id: stranger.client_id })
      expect(body.error).toBe('invalid_grant')
      await expectDead(first.access_token, first.refresh_token)
    })

    test('a token that was never issued harms nobody', async () => {
      const first = await begin()
      const altered = first.refresh_token.replace(/.$/, (last) => (last === 'x' ? 'y' : 'x'))
      expect((await refresh(altered)).body.error).toBe('invalid_grant')
      expect((await refresh('garbage')).body.error).toBe('invalid_grant')
      expect((await refresh(first.access_token)).body.error).toBe('invalid_grant')
      expect((await refresh('')).body.error).toBe('invalid_request')
      expect((await refresh(first.refresh_token)).status).toBe(200)
    })

    test('one family dies, not the others of the same person and app', async () => {
      const [one, two] = [await begin(), await begin()]
      await refresh(one.refresh_token)
      await refresh(one.refresh_token)
      await expectDead(one.access_token)
      expect((await refresh(two.refresh_token)).status).toBe(200)
    })
  })

  describe('the retry window', () => {
    const patient = () => appWith({ refresh_retry_window: 60 })

    test('within it the same request gets the same successor, and every such use is audited [attack 36]', async () => {
      const of = await patient()
      const { refresh_token } = await begin(of)
      const client = { client_id: of.client_id }
      const first = (await refresh(refresh_token, client)).body
      deployment.clock.advance(59_000)
      const again = await refresh(refresh_token, client, {}, nodeAt(1))
      expect([again.status, again.body.refresh_token]).toEqual([200, first.refresh_token])
      expect(again.body.access_token).not.toBe(first.access_token)
      expect(await lastEvent('refresh_token.*')).toMatchObject({
        action: 'refresh_token.retried',
        actor: { id: of.id },
      })
      expect((await refresh(first.refresh_token, client)).status).toBe(200)
    })

    test('of 50 at once over two nodes all get one successor [attack 37]', async () => {
      const of = await patient()
      const { refresh_token } = await begin(of)
      const uses = Array.from({ length: 50 }, (_, at) =>
        refresh(refresh_token, { client_id: of.client_id }, {}, nodeAt(at)),
      )
      const answers = await Promise.all(uses)
      expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]))
      expect(new Set(answers.map(({ body }) => body.refresh_token)).size).toBe(1)
    })

    test('after it, it is theft [attack 35]', async () => {
      const of = await patient()
      const first = await begin(of)
      const client = { client_id: of.client_id }
      const second = (await refresh(first.refresh_token, client)).body
      deployment.clock.advance(60_001)
      expect((await refresh(first.refresh_token, client)).body.error).toBe('invalid_grant')
      await expectDead(second.refresh_token, second.access_token)
    })

    test('an older generation is theft even within it [attack 38]', async () => {
      const of = await patient()
      const first = await begin(of)
      const client = { client_id: of.client_id }
      const second = (await refresh(first.refresh_token, client)).body
      const third = (await refresh(second.refresh_token, client)).body
      expect((await refresh(first.refresh_token, client)).body.error).toBe('invalid_grant')
      await expectDead(third.refresh_token, third.access_token)
    })

    test.each([
      ['another scope', { scope: 'api-keys:read' }],
      ['another resource', { resource: 'https://orders.example' }],
    ])('%s is theft even within it [attack 36]', async (_, change) => {
      const of = await patient()
      const first = await begin(of)
      const client = { client_id: of.client_id }
      const second = (await refresh(first.refresh_token, client)).body
      expect((await refresh(first.refresh_token, { ...client, ...change })).body.error).toBe('invalid_grant')
      await expectDead(second.refresh_token, second.access_token)
    })

    test('another DPoP key is theft even within it; by default it is 30 s where the token is bound [attack 36]', async () => {
      const endpoint = `${live.issuer}/oauth/token`
      const prover = await createProver(deployment.clock.now)
      const proof = async (by = prover) => ({ dpop: await by.prove('POST', endpoint) })
      const first = await begin(app, {}, {}, await proof())
      const second = (await refresh(first.refresh_token, {}, await proof())).body
      deployment.clock.advance(29_000)
      const again = await refresh(first.refresh_token, {}, await proof())
      expect(again.body.refresh_token).toBe(second.refresh_token)
      const thief = await createProver(deployment.clock.now)
      expect((await refresh(first.refresh_token, {}, await proof(thief))).body.error).toBe('invalid_grant')
      await expectDead(second.refresh_token, second.access_token)
    })

    test('by default there is none for a token that is bound to nothing', async () => {
      const first = await begin()
      await refresh(first.refresh_token)
      expect((await refresh(first.refresh_token)).body.error).toBe('invalid_grant')
    })
  })

  describe('lifetimes', () => {
    test('idle: a token that rests too long is dead, one that is used lives on', async () => {
      const of = await appWith({ refresh_idle: 2 * 24 * 3600, refresh_absolute: 5 * 24 * 3600 })
      const client = { client_id: of.client_id }
      const resting = await begin(of)
      let used = await begin(of)
      for (let days = 0; days < 2; days++) {
        deployment.clock.advance(DAY)
        used = (await refresh(used.refresh_token, client)).body
      }
      expect(used.refresh_token).toBeDefined()
      expect((await refresh(resting.refresh_token, client)).body.error).toBe('invalid_grant')
      expect(await isActive(resting.refresh_token)).toBe(false)
    })

    test('absolute: refreshing for ever ends all the same [attack 42]', async () => {
      const of = await appWith({ refresh_idle: 2 * 24 * 3600, refresh_absolute: 3 * 24 * 3600 })
      const client = { client_id: of.client_id }
      let token = (await begin(of)).refresh_token
      for (let days = 0; days < 2; days++) {
        deployment.clock.advance(DAY)
        token = (await refresh(token, client)).body.refresh_token
      }
      deployment.clock.advance(DAY)
      const { status, body } = await refresh(token, client)
      expect([status, body.error]).toEqual([400, 'invalid_grant'])
    })
  })

  describe('who ends it', () => {
    test('RFC 7009 §2.1: revoking a refresh token ends the family, at once and everywhere [attack 71]', async () => {
      const first = await begin()
      const { status } = await live.form('/oauth/revoke', { client_id: app.client_id, token: first.refresh_token })
      expect(status).toBe(200)
      await expectDead(first.refresh_token, first.access_token)
      expect((await refresh(first.refresh_token)).body.error).toBe('invalid_grant')
    })

    test("RFC 7009 §2.1: another client's is left alone, and the answer is the same", async () => {
      const first = await begin()
      const stranger = await appWith({ name: 'A stranger' })
      const { status } = await live.form('/oauth/revoke', { client_id: stranger.client_id, token: first.refresh_token })
      expect(status).toBe(200)
      expect(await isActive(first.refresh_token)).toBe(true)
    })

    test('revoking an access token leaves the family', async () => {
      const first = await begin()
      await live.form('/oauth/revoke', { client_id: app.client_id, token: first.access_token })
      await expectDead(first.access_token)
      expect((await refresh(first.refresh_token)).status).toBe(200)
    })

    test('an app that is deleted takes everything along, on both nodes', async () => {
      const of = await appWith({})
      const first = await begin(of)
      expect((await live.api('DELETE', `/v1/apps/${of.id}`, deployment.made.live.api_key)).status).toBe(204)
      await expectDead(first.access_token, first.refresh_token)
      const answer = await refresh(first.refresh_token, { client_id: of.client_id }, {}, nodeAt(1))
      expect([answer.status, answer.body.error]).toEqual([401, 'invalid_client'])
    })

    test('a confidential app refreshes only with its secret [attack 40]', async () => {
      const of = await appWith({ type: 'confidential' })
      const secret = { client_id: of.client_id, client_secret: of.client_secret }
      const first = await begin(of, {}, secret)
      const bare = await refresh(first.refresh_token, { client_id: of.client_id })
      expect([bare.status, bare.body.error]).toEqual([401, 'invalid_client'])
      expect((await refresh(first.refresh_token, secret)).status).toBe(200)
    })

    test("RFC 9449 §5: a public app's next refresh token is bound to the key that a refresh proves [attack 43]", async () => {
      const first = await begin()
      const prover = await createProver(deployment.clock.now)
      const dpop = await prover.prove('POST', `${live.issuer}/oauth/token`)
      const { body } = await refresh(first.refresh_token, {}, { dpop })
      expect(body.token_type).toBe('DPoP')
      const { cnf } = (await live.introspect(deployment.made.live, body.refresh_token)).body
      expect(cnf).toEqual({ jkt: prover.jkt })
      const unproven = await refresh(body.refresh_token)
      expect([unproven.status, unproven.body.error]).toEqual([400, 'invalid_grant'])
    })

    test('a public key that has ended takes its refresh tokens along [attack 41]', async () => {
      const endsAt = deployment.clock.now() + 3600_000
      const settings = { kind: 'public', name: 'web', redirect_uris: app.redirect_uris }
      const until = { expires_at: new Date(endsAt).toISOString() }
      const key = await live.api('POST', '/v1/api-keys', deployment.made.live.api_key, { ...settings, ...until })
      expect(key.status).toBe(201)
      const first = await begin(key.body, {}, { client_id: key.body.client_id })
      const { body } = await live.introspect(deployment.made.live, first.refresh_token)
      expect(body).toMatchObject({ active: true, exp: Math.floor(endsAt / 1000) })
      deployment.clock.advance(3600_000)
      await expectDead(first.access_token, first.refresh_token)
    })

    test('in the other mode it is nothing', async () => {
      const first = await begin()
      const sandbox = deployment.nodes[0].at('test')
      const answer = await refresh(first.refresh_token, {}, {}, sandbox)
      expect(answer.status).toBeGreaterThanOrEqual(400)
      expect((await refresh(first.refresh_token)).status).toBe(200)
    })
  })
})
