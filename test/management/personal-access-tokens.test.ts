import { beforeAll, beforeEach, expect, test } from 'vitest'
import { describeDeployments } from '../deployments.ts'
import { agree, createApp, createBrowser, createPerson, makePersonalToken, type Person } from '../oauth/people.ts'
import { basic, type Caller, startDeployment, type TestDeployment } from '../start.ts'
import { createTenant, setTenantStatus } from '../tenants.ts'
import { expectFields, expectProblem } from './problem.ts'

const PATH = '/v1/personal-access-tokens'

const expectRefused = ({ status, body }: { status: number; body: { error: string } }) =>
  expect([status, body.error]).toEqual([403, 'insufficient_scope'])

// seed: service-tokens-of-service-users, its table of service tokens and personal access tokens
describeDeployments(PATH, (open) => {
  let deployment: TestDeployment
  let live: Caller
  let there: Caller
  let key: string
  let person: Person
  let all: string

  beforeAll(async () => {
    deployment = await startDeployment(open)
    live = deployment.nodes[0].at('live')
    there = deployment.nodes[1].at('live')
    key = deployment.made.live.api_key
  })
  beforeEach(async () => {
    person = await createPerson(deployment, { role: 'admin' })
    all = (await makePersonalToken(deployment, person)).personal_access_token
  })

  const create = (token: string, body: object = {}, caller = live) =>
    caller.api('POST', PATH, token, { name: 'mine', ...body })
  const me = (token: string, caller = there) => caller.api('GET', '/v1/me', token)

  test('made once, listed for ever, and it acts as its person in person', async () => {
    const { status, body } = await create(all, { scopes: ['teams:read', 'teams:write'] })
    expect(status).toBe(201)
    const { personal_access_token: token, ...record } = body
    expect(token).toMatch(/^kp_live_[a-z2-7]{12}_[0-9A-Za-z]{49}$/)
    expect(record).toEqual({
      ...{ id: expect.stringMatching(/^pat_[a-z2-7]{16}$/), name: 'mine', status: 'active' },
      ...{ prefix_hint: token.slice(0, token.lastIndexOf('_')), scopes: ['teams:read', 'teams:write'] },
      ...{ created_at: expect.stringMatching(/Z$/), expires_at: null, revoked_at: null, last_used_at: null },
    })
    const list = await live.api('GET', PATH, all)
    expect(list.body.data).toContainEqual(record)
    expect(list.text).not.toContain(token.slice(-49))
    expect((await live.api('GET', `${PATH}/${record.id}`, all)).body).toEqual(record)
    const actor = { type: 'member', id: person.id, name: `${person.email} by token mine` }
    expect((await me(token)).body).toMatchObject({ credential: actor, scopes: ['teams:read', 'teams:write'] })
    expect((await there.get('/v1/me', { 'x-api-key': token })).status).toBe(200)
    await live.api('POST', '/v1/teams', token, { name: person.id })
    const log = await live.api('GET', `/v1/audit-logs?actor=${person.id}&action=team.created`, key)
    expect(log.body.data[0].actor).toEqual(actor)
  })

  test('it dies for good at the next request on the other node', async () => {
    const { id, personal_access_token: token } = (await create(all)).body
    expect((await me(token)).status).toBe(200)
    for (const _ of ['once', 'again']) expect((await live.api('DELETE', `${PATH}/${id}`, all)).status).toBe(204)
    expectProblem(await me(token), 401, 'invalid_api_key')
    expect((await live.api('GET', `${PATH}/${id}`, all)).body.status).toBe('revoked')
  })

  test('it ends when it says', async () => {
    const at = (milliseconds: number) => new Date(deployment.clock.now() + milliseconds).toISOString()
    expectFields(await create(all, { expires_at: at(-1000) }), '/expires_at')
    const { id, personal_access_token: token } = (await create(all, { expires_at: at(60_000) })).body
    expect((await me(token)).status).toBe(200)
    deployment.clock.advance(61_000)
    expectProblem(await me(token), 401, 'invalid_api_key')
    expect((await live.api('GET', `${PATH}/${id}`, all)).body.status).toBe('expired')
  })

  test('only its person sees it or revokes it: no other admin, and no key', async () => {
    const { id } = (await create(all)).body
    const other = (await makePersonalToken(deployment, await createPerson(deployment))).personal_access_token
    expectProblem(await live.api('GET', `${PATH}/${id}`, other), 404, 'not_found')
    expectProblem(await live.api('DELETE', `${PATH}/${id}`, other), 404, 'not_found')
    expect((await live.api('GET', PATH, other)).text).not.toContain(id)
    const user = (await live.api('POST', '/v1/service-users', key, { name: 'robot', role: 'admin' })).body
    const { service_token } = (await live.api('POST', `/v1/service-users/${user.id}/tokens`, key, { name: 'one' })).body
    const minted = (await live.token(deployment.made.live)).body.access_token
    for (const token of [key, service_token, minted]) {
      for (const answer of [
        await create(token),
        await live.api('GET', PATH, token),
        await live.api('GET', `${PATH}/${id}`, token),
        await live.api('DELETE', `${PATH}/${id}`, token),
      ]) {
        expectRefused(answer)
        expect(answer.body.detail).toContain('a person')
      }
    }
    expect((await live.api('GET', `/v1/api-keys/${id}`, key)).status).toBe(404)
    expect((await live.api('DELETE', `/v1/api-keys/${id}`, key)).status).toBe(404)
  })

  test('none gives more than it has', async () => {
    const scopes = ['personal-access-tokens:write', 'teams:read']
    const narrow = (await create(all, { scopes })).body.personal_access_token
    expectRefused(await create(narrow, { scopes: ['teams:write'] }))
    expect((await create(narrow)).body.scopes.sort()).toEqual(scopes)
    expect((await create(all)).body.scopes).toBeNull()
    expectFields(await create(all, { scopes: ['nothing:here'] }), '/scopes/0')
    expectRefused(await create((await create(all, { scopes: ['teams:read'] })).body.personal_access_token))
    const keyOf = async (token: string) => live.api('POST', '/v1/api-keys', token, { kind: 'standard', name: 'k' })
    // Not even what has all of an owner's power has all that the tenant has, now and later.
    expect((await keyOf(all)).body.scopes).not.toBeNull()
    expectRefused(await keyOf(narrow))
  })

  test('by an app: as much as it was allowed', async () => {
    const app = await createApp(live, key, { scopes: ['personal-access-tokens:write', 'teams:read'] })
    const agreed = await agree(createBrowser(live, person), app)
    const form = { grant_type: 'authorization_code', client_id: app.client_id, ...agreed }
    const { access_token } = (await live.form('/oauth/token', form)).body
    const made = await create(access_token)
    expect(made.body.scopes.sort()).toEqual(['personal-access-tokens:write', 'teams:read'])
    expectRefused(await create(access_token, { scopes: ['api-keys:write'] }))
  })

  test('introspection names its person; revocation ends it', async () => {
    const { personal_access_token: token } = (await create(all, { scopes: ['teams:read'] })).body
    expect((await there.introspect(deployment.made.live, token)).body).toMatchObject({
      ...{ active: true, token_type: 'personal_access_token', sub: person.id, scope: 'teams:read' },
      client_id: token.slice(0, token.lastIndexOf('_')),
    })
    const narrow = (
      await live.api('POST', '/v1/api-keys', key, { kind: 'standard', name: 'n', scopes: ['teams:read'] })
    ).body
    expect((await live.revoke(narrow, token)).status).toBe(200)
    expect((await me(token)).status).toBe(200)
    expect((await live.revoke(deployment.made.live, token)).status).toBe(200)
    expect((await me(token)).status).toBe(401)
    expect((await there.introspect(deployment.made.live, token)).body).toEqual({ active: false })
  })

  test('it is no OAuth client', async () => {
    const at = all.lastIndexOf('_')
    const pair = { client_id: all.slice(0, at), client_secret: all.slice(at + 1) }
    for (const each of [pair, { client_id: pair.client_id, client_secret: all }]) {
      expect((await live.token(each)).body.error).toBe('invalid_client')
    }
    const form = { client_id: pair.client_id, response_type: 'code', redirect_uri: 'https://app.example' }
    expect((await live.get(`/oauth/authorize?${new URLSearchParams(form)}`)).status).toBe(400)
    expect((await live.form('/oauth/introspect', { token: all }, { authorization: basic(pair) })).status).toBe(401)
    const exchange = { grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange', subject_token: all }
    const type = 'urn:ietf:params:oauth:token-type:access_token'
    const { status } = await live.token(deployment.made.live, { ...exchange, subject_token_type: type })
    expect(status).toBe(400)
  })

  test('of the other mode, of a paused tenant, malformed, or made up', async () => {
    const sandbox = deployment.nodes[0].at('test')
    const testing = (await makePersonalToken(deployment, person, { mode: 'test' })).personal_access_token
    expect(testing).toMatch(/^kp_test_/)
    expectProblem(await me(testing), 403, 'wrong_key_type')
    expectProblem(await me(all, sandbox), 403, 'wrong_key_type')
    expect((await me(testing, sandbox)).status).toBe(200)
    const tenant = await createTenant(deployment)
    const theirs = (await makePersonalToken(deployment, await createPerson(deployment, { tenantId: tenant.id })))
      .personal_access_token
    await setTenantStatus(deployment, tenant.id, 'paused')
    expectProblem(await me(theirs), 403, 'subscription_inactive')
    for (const wrong of [`${all}x`, all.slice(0, -1), all.replace('kp_', 'tk_'), all.replace('kp_', 'st_')]) {
      expectProblem(await me(wrong), 401, 'invalid_api_key')
    }
  })

  test('where DPoP is required it is refused, for it can be bound to no key', async () => {
    const tenant = await createTenant(deployment)
    const token = (await makePersonalToken(deployment, await createPerson(deployment, { tenantId: tenant.id })))
      .personal_access_token
    expect((await me(token)).status).toBe(200)
    const { api_key } = tenant.keys.live
    expect((await live.api('PATCH', '/v1/tenant', api_key, { require_dpop: true })).status).toBe(200)
    const refused = await me(token)
    expect([refused.status, refused.body.detail]).toEqual([401, expect.stringContaining('personal access token')])
  })

  test('two that revoke it at once both may', async () => {
    const { id } = (await create(all)).body
    const answers = await Promise.all([live, there].map((caller) => caller.api('DELETE', `${PATH}/${id}`, all)))
    expect(answers.map(({ status }) => status)).toEqual([204, 204])
    const target = { targetId: id, action: 'personal_access_token.revoked' }
    expect(await deployment.storage.database.auditEntry.count({ where: target })).toBe(1)
  })
})
