import { beforeAll, describe, expect, test } from 'vitest'
import { describeDeployments } from '../deployments.ts'
import { type Caller, type Key, startDeployment, type TestDeployment } from '../start.ts'
import { createTenant } from '../tenants.ts'
import { createIssuer, type TestIssuer } from '../workload-identity/issuer.ts'
import { createApp, createPerson, issueCode } from './people.ts'
import { createProver } from './prover.ts'
import { createServiceUser, createWorkloads, equals, TOKEN_EXCHANGE, type, type Workloads } from './workloads.ts'

const API = 'https://api.acme.example'

describeDeployments('down-scoping and delegation of access tokens (RFC 8693)', (open) => {
  let deployment: TestDeployment
  let live: Caller
  let other: Caller
  let key: Key & { api_key: string }
  let platform: TestIssuer
  let workloads: Workloads

  beforeAll(async () => {
    deployment = await startDeployment(open, { outboundAllow: ['127.0.0.1'] })
    const [one, two] = deployment.nodes
    live = one.at('live')
    other = two.at('live')
    key = deployment.made.live
    platform = await createIssuer({ aud: live.issuer, clock: deployment.clock })
    workloads = createWorkloads(deployment)
    await live.api('POST', '/v1/resources', key.api_key, { identifier: API, name: 'API', scopes: ['sites:read'] })
  })

  const subject = (token: string) => ({ subject_token: token, subject_token_type: type('access_token') })
  const actor = (token: string) => ({ actor_token: token, actor_token_type: type('access_token') })
  const form = (token: string, more: object = {}) =>
    ({ grant_type: TOKEN_EXCHANGE, ...subject(token), ...more }) as Record<string, string>
  /** By the key that the token was given to. */
  const narrow = (token: string, more: object = {}, at: Caller = live, headers = {}, by: Key = key) =>
    at.token(by, form(token, more), headers)
  const mint = async (scope: string, by: Key = key, headers = {}) =>
    (await live.token(by, { scope }, headers)).body.access_token as string
  const introspect = async (token: string, at: Caller = live) => (await at.introspect(key, token)).body
  const createKey = async () =>
    (await live.api('POST', '/v1/api-keys', key.api_key, { kind: 'standard', name: 'another' })).body as Key & {
      id: string
    }
  async function ofPerson(scope = ['openid', 'api-keys:read', 'apps:read']) {
    const app = await createApp(live, key.api_key)
    const code = await issueCode(deployment, await createPerson(deployment), app, { resource: live.issuer, scope })
    const { client_id } = app
    const { body } = await live.form('/oauth/token', {
      grant_type: 'authorization_code',
      client_id,
      ...code,
    } as never)
    return { client_id, token: body.access_token as string, refresh: body.refresh_token as string }
  }
  const expectRefused = async (answer: ReturnType<Caller['form']>, error = 'invalid_request') => {
    const { status, body } = await answer
    expect([status, body.error]).toEqual([400, error])
    return body.error_description as string
  }

  describe('a narrower token', () => {
    test('has what was asked for, and says of whom it is', async () => {
      const { status, body } = await narrow(await mint('apps:read api-keys:read'), { scope: 'apps:read' })
      expect(status).toBe(200)
      expect(body).toMatchObject({ issued_token_type: type('access_token'), scope: 'apps:read', token_type: 'Bearer' })
      expect(await introspect(body.access_token)).toMatchObject({
        ...{ active: true, client_id: key.client_id, sub: key.client_id, scope: 'apps:read' },
        act: { iss: live.issuer, sub: key.client_id },
      })
      expect((await live.api('GET', '/v1/apps', body.access_token)).status).toBe(200)
      expect((await live.api('GET', '/v1/api-keys', body.access_token)).status).toBe(403)
    })

    test('is never wider [attack 56]', async () => {
      const token = await mint('apps:read')
      await expectRefused(narrow(token, { scope: 'apps:read api-keys:read' }), 'invalid_scope')
      expect((await narrow(token)).body.scope).toBe('apps:read')
    })

    test('is never for another resource [attack 56]', async () => {
      const token = await mint('apps:read')
      await expectRefused(narrow(token, { resource: API }), 'invalid_target')
      await expectRefused(narrow(token, { audience: API }), 'invalid_target')
      await expectRefused(narrow(token, { resource: [live.issuer, API] }), 'invalid_target')
      expect((await narrow(token, { resource: live.issuer })).status).toBe(200)
    })

    test('never lives longer [attack 56]', async () => {
      const token = await mint('apps:read')
      const before = await introspect(token)
      deployment.clock.advance(1_000_000)
      const { body } = await narrow(token)
      expect(body.expires_in).toBeLessThanOrEqual(2600)
      expect((await introspect(body.access_token)).exp).toBe(before.exp)
    })

    test('dies with the one that it was made of, on every node, however far down', async () => {
      const first = await mint('apps:read')
      const second = (await narrow(first)).body.access_token
      const third = (await narrow(second)).body.access_token
      for (const node of [live, other]) expect((await introspect(third, node)).active).toBe(true)
      await other.revoke(key, first)
      for (const node of [live, other]) {
        for (const token of [second, third]) {
          expect(await introspect(token, node)).toEqual({ active: false })
          expect((await node.api('GET', '/v1/apps', token)).status).toBe(401)
          await expectRefused(narrow(token, {}, node))
        }
      }
    })

    test('leaves the one that it was made of alone when it is revoked', async () => {
      const first = await mint('apps:read')
      const second = (await narrow(first)).body.access_token
      await live.revoke(key, second)
      expect(await introspect(second)).toEqual({ active: false })
      expect((await introspect(first)).active).toBe(true)
    })

    test('at most three in a row [attack 57]', async () => {
      let token = await mint('apps:read')
      for (let depth = 1; depth <= 3; depth++) token = (await narrow(token)).body.access_token
      expect((await introspect(token)).act.act.act).toEqual({ iss: live.issuer, sub: key.client_id })
      expect(await expectRefused(narrow(token))).toContain('at most 3')
    })
  })

  describe('is refused', () => {
    test('to any other client, whatever it holds [attack 57]', async () => {
      const another = await createKey()
      const token = await mint('apps:read')
      await expectRefused(narrow(token, {}, live, {}, another))
      await expectRefused(narrow(token, actor(await mint('apps:read', another)), live, {}, another))
    })

    test('without a subject token, also where the caller has one of its own [attack 55]', async () => {
      const token = await mint('apps:read')
      for (const subject_token of [[], [''], [token, token]]) {
        await expectRefused(live.token(key, { ...form(token), subject_token }))
      }
      const named = { grant_type: TOKEN_EXCHANGE, subject_token_type: type('access_token') }
      await expectRefused(live.token(key, { ...named, ...actor(token) }))
    })

    test('for anything but an access token of this tenant and mode that is good now [attack 56, 57]', async () => {
      const revoked = await mint('apps:read')
      await live.revoke(key, revoked)
      const sandbox = (await deployment.nodes[0].at('test').token(deployment.made.test)).body.access_token
      const tenant = await createTenant(deployment)
      const theirs = await mint('apps:read', tenant.keys.live)
      const wrong = [revoked, sandbox, theirs, key.api_key, 'x', `kc_live_${'a'.repeat(57)}`]
      for (const token of wrong) {
        await expectRefused(narrow(token))
        await expectRefused(narrow(await mint('apps:read'), actor(token)))
      }
    })

    test('for an actor token of another type', async () => {
      const token = await mint('apps:read')
      await expectRefused(narrow(token, { actor_token: token, actor_token_type: type('jwt') }))
    })
  })

  describe('a bound subject token (RFC 9449)', () => {
    test('needs a proof of its key, and the new one is bound to it [attack 59]', async () => {
      const [prover, thief] = await Promise.all([
        createProver(deployment.clock.now),
        createProver(deployment.clock.now),
      ])
      const dpop = (by = prover) => by.prove('POST', `${live.issuer}/oauth/token`)
      const token = await mint('apps:read', key, { dpop: await dpop() })
      await expectRefused(narrow(token))
      await expectRefused(narrow(token, {}, live, { dpop: await dpop(thief) }))
      const { body } = await narrow(token, {}, live, { dpop: await dpop() })
      expect(body.token_type).toBe('DPoP')
      expect((await introspect(body.access_token)).cnf).toEqual({ jkt: prover.jkt })
    })

    test('as an actor token too [attack 59]', async () => {
      const prover = await createProver(deployment.clock.now)
      const dpop = () => prover.prove('POST', `${live.issuer}/oauth/token`)
      const bound = await mint('apps:read', key, { dpop: await dpop() })
      const token = await mint('apps:read')
      await expectRefused(narrow(token, actor(bound)))
      expect((await narrow(token, actor(bound), live, { dpop: await dpop() })).body.token_type).toBe('DPoP')
    })

    test('an unbound one may become bound', async () => {
      const prover = await createProver(deployment.clock.now)
      const dpop = await prover.prove('POST', `${live.issuer}/oauth/token`)
      expect((await narrow(await mint('apps:read'), {}, live, { dpop })).body.token_type).toBe('DPoP')
    })
  })

  describe('delegation (§4.1)', () => {
    test('the actor is named, outermost; the token lives no longer than either [attack 57]', async () => {
      const robot = await createKey()
      const old = await mint('apps:read', robot)
      deployment.clock.advance(600_000)
      const { body } = await narrow(await mint('apps:read'), actor(old))
      expect(body.expires_in).toBeLessThanOrEqual(3000)
      expect(await introspect(body.access_token)).toMatchObject({
        ...{ sub: key.client_id, client_id: key.client_id },
        act: { iss: live.issuer, sub: robot.client_id },
      })
    })

    test('the chain of the actor counts as well [attack 57]', async () => {
      const robot = await createKey()
      let acting = await mint('apps:read', robot)
      for (let depth = 1; depth <= 2; depth++) acting = (await narrow(acting, {}, live, {}, robot)).body.access_token
      const { body } = await narrow(await mint('apps:read'), actor(acting))
      expect(body).toMatchObject({ scope: 'apps:read' })
      expect(await expectRefused(narrow(body.access_token))).toContain('at most 3')
      const deepest = (await narrow(acting, {}, live, {}, robot)).body.access_token
      expect(await expectRefused(narrow(await mint('apps:read'), actor(deepest)))).toContain('at most 3')
    })

    test('of an actor token that is for a person, the person is the actor', async () => {
      const { token } = await ofPerson()
      const { sub } = await introspect(token)
      const { body } = await narrow(await mint('apps:read'), actor(token))
      expect((await introspect(body.access_token)).act).toEqual({ iss: live.issuer, sub })
    })

    test("it dies with the actor's token, and with the actor", async () => {
      for (const end of ['token', 'actor'] as const) {
        const robot = await createKey()
        const acting = await mint('apps:read', robot)
        const token = (await narrow(await mint('apps:read'), actor(acting))).body.access_token
        expect((await introspect(token, other)).active).toBe(true)
        if (end === 'token') await live.revoke(robot, acting)
        else expect((await live.api('DELETE', `/v1/api-keys/${robot.id}`, key.api_key)).status).toBe(204)
        for (const node of [live, other]) expect(await introspect(token, node)).toEqual({ active: false })
      }
    })
  })

  describe("a workload's token", () => {
    test('is narrowed by whoever holds it, keeps its origin, and dies with the binding', async () => {
      const provider = await workloads.provider({ issuer: platform.url })
      const user = await createServiceUser(live, key.api_key)
      const binding = await workloads.binding(provider, user, { conditions: [equals('sub', 'job')] })
      const as = { client_id: user.client_id }
      const given = { subject_token: await platform.sign({ sub: 'job' }), subject_token_type: type('jwt') }
      const first = await live.form('/oauth/token', { grant_type: TOKEN_EXCHANGE, ...as, ...given })
      const { status, body } = await live.form(
        '/oauth/token',
        form(first.body.access_token, { ...as, scope: 'apps:read' }),
      )
      expect(status).toBe(200)
      expect(await introspect(body.access_token)).toMatchObject({
        act: { iss: live.issuer, sub: user.client_id, act: { iss: platform.url, sub: 'job' } },
        workload: { iss: platform.url, sub: 'job', binding_id: binding.id },
      })
      await workloads.disableBinding(binding, user)
      for (const node of [other, live]) expect(await introspect(body.access_token, node)).toEqual({ active: false })
    })

    test("a service user's name alone narrows nobody else's token", async () => {
      const { client_id } = await createServiceUser(live, key.api_key)
      await expectRefused(live.form('/oauth/token', form(await mint('apps:read'), { client_id })))
    })
  })

  describe("a person's token", () => {
    test('is narrowed and stays theirs', async () => {
      const { client_id, token } = await ofPerson()
      const { body } = await live.form('/oauth/token', form(token, { client_id, scope: 'apps:read' }))
      expect(body).not.toHaveProperty('refresh_token')
      const { sub } = await introspect(token)
      expect(sub).toMatch(/^mem_/)
      expect(await introspect(body.access_token)).toMatchObject({ sub, scope: 'apps:read', act: { sub: client_id } })
      await expectRefused(
        live.form('/oauth/token', form(token, { client_id, scope: 'api-keys:write' })),
        'invalid_scope',
      )
    })

    test('dies when the person signs the app out', async () => {
      const { client_id, token, refresh } = await ofPerson()
      const { body } = await live.form('/oauth/token', form(token, { client_id }))
      expect((await introspect(body.access_token)).active).toBe(true)
      await live.form('/oauth/revoke', { client_id, token: refresh })
      for (const node of [other, live]) expect(await introspect(body.access_token, node)).toEqual({ active: false })
    })
  })

  test('the audit log has the chain, and no token [attack 57]', async () => {
    const token = await mint('apps:read api-keys:read')
    const { jti } = await introspect(token)
    const { body } = await narrow(token, { scope: 'apps:read' })
    const { body: log } = await live.api('GET', '/v1/audit-logs?action=token.exchanged&limit=1', key.api_key)
    expect(log.data[0].details).toMatchObject({ subject_jti: jti, depth: 1, scope: 'apps:read' })
    expect(log.data[0].target.id).toBe((await introspect(body.access_token)).jti)
    await expectRefused(narrow(token, { scope: 'apps:write' }), 'invalid_scope')
    const rejected = await live.api('GET', '/v1/audit-logs?action=token.rejected&limit=1', key.api_key)
    expect(rejected.body.data[0].details.error).toBe('invalid_scope')
    expect(JSON.stringify([log, rejected.body])).not.toContain(token)
  })
})
