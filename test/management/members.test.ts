import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { MODES } from '../../server/mode/mode.ts'
import type { MemberRole } from '../../server/tenancy/scopes.ts'
import { describeDeployment, describeDeployments } from '../deployments.ts'
import {
  agree,
  createApp,
  createBrowser,
  createPerson,
  issueCode,
  makePersonalToken,
  type Person,
} from '../oauth/people.ts'
import { type Caller, startDeployment, type TestDeployment } from '../start.ts'
import { createTenant, type TestTenant } from '../tenants.ts'
import { expectFields, expectProblem } from './problem.ts'

const expectRefused = ({ status, body }: { status: number; body: { error: string } }) =>
  expect([status, body.error]).toEqual([403, 'insufficient_scope'])

describeDeployments('/v1/members', (open) => {
  let deployment: TestDeployment
  let live: Caller
  let there: Caller
  let tenant: TestTenant
  let key: string
  let owner: Person

  beforeAll(async () => {
    deployment = await startDeployment(open)
    live = deployment.nodes[0].at('live')
    there = deployment.nodes[1].at('live')
  })
  beforeEach(async () => {
    tenant = await createTenant(deployment)
    key = tenant.keys.live.api_key
    owner = await person('owner')
  })

  const person = (role: MemberRole) => createPerson(deployment, { role, tenantId: tenant.id })
  const tokenOf = async (of: Person) => (await makePersonalToken(deployment, of)).personal_access_token
  const setRole = (token: string, { id }: Person, role: string, caller = live) =>
    caller.api('PATCH', `/v1/members/${id}`, token, { role })
  const remove = (token: string, { id }: Person, caller = live) => caller.api('DELETE', `/v1/members/${id}`, token)

  test('lists who is a member, on both hosts, by search and role', async () => {
    const admin = await person('admin')
    const { body } = await live.api('GET', '/v1/members', key)
    expect(body.data.map(({ id }: { id: string }) => id).sort()).toEqual([owner.id, admin.id].sort())
    expect(body.data[0]).toEqual({
      ...{ id: expect.stringMatching(/^mem_/), email: expect.stringContaining('@'), role: expect.any(String) },
      ...{ passkey_required: false, created_at: expect.stringMatching(/Z$/) },
    })
    const ids = async (query: string) =>
      (await deployment.nodes[0].at('test').api('GET', `/v1/members?${query}`, tenant.keys.test.api_key)).body.data.map(
        ({ id }: { id: string }) => id,
      )
    expect(await ids('role=admin')).toEqual([admin.id])
    expect(await ids(`search=${admin.email.slice(0, 12).toUpperCase()}`)).toEqual([admin.id])
    for (const nobody of ['search=%25', 'search=_________________']) expect(await ids(nobody)).toEqual([])
    expect((await live.api('GET', `/v1/members/${admin.id}`, key)).body.email).toBe(admin.email)
    expect(JSON.stringify(body)).not.toContain('argon2')
    expectFields(await live.api('GET', '/v1/members?role=king', key), '?role')
  })

  test('people are managed on the live host', async () => {
    const admin = await person('admin')
    const sandbox = deployment.nodes[0].at('test')
    const testKey = tenant.keys.test.api_key
    for (const refused of [
      await setRole(testKey, admin, 'member', sandbox),
      await remove(testKey, admin, sandbox),
      await sandbox.api('POST', '/v1/members/invitations', testKey, { email: 'a@b.example', role: 'member' }),
      await sandbox.api('POST', `/v1/members/${admin.id}/password-link`, testKey),
    ]) {
      expectProblem(refused, 403, 'wrong_key_type')
      expect(refused.body.detail).toContain('live host')
    }
  })

  describe('who may manage whom', () => {
    test.each([
      ['owner', 'owner', true],
      ['owner', 'member', true],
      ['admin', 'admin', true],
      ['admin', 'member', true],
      ['admin', 'owner', false],
      ['member', 'member', false],
      ['member', 'owner', false],
    ] as const)('%s manages %s: %s', async (by, whom, may) => {
      const caller = await tokenOf(await person(by))
      const target = await person(whom)
      await person('owner')
      const link = await live.api('POST', `/v1/members/${target.id}/password-link`, caller)
      const changed = await setRole(caller, target, whom === 'admin' ? 'member' : 'admin')
      const removed = await remove(caller, target)
      expect([link.status, changed.status, removed.status]).toEqual(may ? [201, 200, 204] : [403, 403, 403])
    })

    test('nobody but an owner in person, or a full-access key, makes an owner', async () => {
      const target = await person('member')
      const admin = await tokenOf(await person('admin'))
      expectRefused(await setRole(admin, target, 'owner'))
      const scopes = (await live.api('GET', '/v1/me', key)).body.scopes
      const chosen = (await live.api('POST', '/v1/api-keys', key, { kind: 'standard', name: 'all by name', scopes }))
        .body
      expectRefused(await setRole(chosen.api_key, target, 'owner'))
      expectRefused(await remove(chosen.api_key, owner))
      expect((await setRole(key, target, 'owner')).status).toBe(200)
      expect((await setRole(await tokenOf(owner), target, 'admin')).status).toBe(200)
    })

    test('a key gives no role beyond its own scopes', async () => {
      const target = await person('member')
      const scopes = ['members:read', 'members:write']
      const { api_key } = (await live.api('POST', '/v1/api-keys', key, { kind: 'standard', name: 'narrow', scopes }))
        .body
      expectRefused(await setRole(api_key, target, 'admin'))
      expectRefused(await live.api('POST', `/v1/members/${target.id}/password-link`, api_key))
      const invited = { email: 'new@example.com', role: 'admin' }
      expectRefused(await live.api('POST', '/v1/members/invitations', api_key, invited))
    })
  })

  test('the last owner stays one', async () => {
    expectProblem(await setRole(key, owner, 'admin'), 409, 'conflict')
    expectProblem(await remove(key, owner), 409, 'conflict')
    expectProblem(await setRole(await tokenOf(owner), owner, 'member'), 409, 'conflict')
    await person('owner')
    expect((await remove(key, owner)).status).toBe(204)
  })

  test('two owners demote each other at the same moment on two nodes: one stays', async () => {
    const other = await person('owner')
    const [one, two] = [await tokenOf(owner), await tokenOf(other)]
    const [first, second] = await Promise.all([setRole(one, other, 'member'), setRole(two, owner, 'member', there)])
    expect([first.status, second.status].filter((status) => status === 200)).toHaveLength(1)
    expect([first.status, second.status].filter((status) => status === 403 || status === 409)).toHaveLength(1)
    const { body } = await live.api('GET', '/v1/members?role=owner', key)
    expect(body.data).toHaveLength(1)
  })

  test('two keys remove the last two owners at the same moment: one stays', async () => {
    const other = await person('owner')
    const answers = await Promise.all([remove(key, owner), remove(key, other, there)])
    expect(answers.map(({ status }) => status).sort()).toEqual([204, 409])
  })

  test.each(MODES)('a demoted admin has less at the next request on the other node, in %s mode', async (mode) => {
    const admin = await person('admin')
    const pat = (await makePersonalToken(deployment, admin, { mode })).personal_access_token
    const at = deployment.nodes[1].at(mode)
    const create = () => at.api('POST', '/v1/service-users', pat, { name: 'robot', role: 'viewer' })
    expect((await create()).status).toBe(201)
    expect((await setRole(key, admin, 'member')).status).toBe(200)
    expectRefused(await create())
    expect((await at.api('GET', '/v1/me', pat)).body.scopes).not.toContain('service-users:write')
    expect((await setRole(key, admin, 'admin')).status).toBe(200)
    expect((await create()).status).toBe(201)
  })

  test('a token that is made while its person is demoted is worth what they are worth then', async () => {
    const admin = await person('admin')
    const tokens = Array.from({ length: 5 }, () => tokenOf(admin))
    const [demoted, ...pats] = await Promise.all([setRole(key, admin, 'member'), ...tokens])
    expect(demoted.status).toBe(200)
    for (const pat of pats) {
      for (const caller of [live, there]) {
        expect((await caller.api('GET', '/v1/me', pat)).body.scopes).not.toContain('service-users:write')
      }
    }
  })

  describe('with an app in their name', () => {
    const tokensOf = async (who: Person) => {
      const app = await createApp(live, key)
      const agreed = await issueCode(deployment, who, app, { resource: live.issuer })
      const { code, code_verifier, redirect_uri } = agreed
      const form = { grant_type: 'authorization_code', client_id: app.client_id, code, code_verifier, redirect_uri }
      const { body } = await live.form('/oauth/token', form)
      expect(body.refresh_token).toBeTruthy()
      const refresh = (caller: Caller) =>
        caller.form('/oauth/token', {
          grant_type: 'refresh_token',
          client_id: app.client_id,
          refresh_token: body.refresh_token,
        })
      return { access: body.access_token as string, refreshToken: body.refresh_token as string, refresh }
    }

    test('removed, all of theirs is dead at the next request on the other node', async () => {
      const member = await person('admin')
      const pat = await tokenOf(member)
      const { access, refreshToken, refresh } = await tokensOf(member)
      const active = async (token: string) => (await there.introspect(tenant.keys.live, token)).body.active
      for (const token of [pat, access, refreshToken]) expect(await active(token)).toBe(true)
      expect((await there.api('GET', '/v1/me', access)).status).toBe(200)
      const browser = createBrowser(live, member)
      const signedIn = await browser.submit(await browser.open('/account'), /\/password$/, member as never)
      expect(signedIn.text).toContain('Where you are signed in')

      expect((await remove(key, member)).status).toBe(204)
      for (const token of [pat, access, refreshToken]) expect(await active(token)).toBe(false)
      for (const token of [pat, access]) expect((await there.api('GET', '/v1/me', token)).status).toBe(401)
      expect((await refresh(there)).body.error).toBe('invalid_grant')
      expect((await browser.open('/account')).text).toContain('name="password"')
      expectProblem(await remove(key, member), 404, 'not_found')
      const { database } = deployment.storage
      expect(await database.client.count({ where: { memberId: member.id } })).toBe(0)
      expect(await database.consent.count({ where: { memberId: member.id } })).toBe(0)
    })

    test('demoted, what an app holds beyond is dead; promoted, nothing is', async () => {
      const member = await person('admin')
      const { access } = await tokensOf(member)
      expect((await setRole(key, member, 'owner')).status).toBe(200)
      expect((await there.api('GET', '/v1/me', access)).status).toBe(200)
      expect((await setRole(key, member, 'member')).status).toBe(200)
      expect((await there.api('GET', '/v1/me', access)).status).toBe(401)
    })
  })

  test('both logs say who changed what', async () => {
    const member = await person('member')
    await setRole(await tokenOf(owner), member, 'admin')
    for (const mode of MODES) {
      const at = deployment.nodes[0].at(mode)
      const { body } = await at.api('GET', '/v1/audit-logs?action=member.role_changed', tenant.keys[mode].api_key)
      expect(body.data[0]).toMatchObject({
        actor: { type: 'member', id: owner.id, name: `${owner.email} by token laptop` },
        target: { type: 'member', id: member.id },
        details: { role: 'admin', before: 'member', sandbox: mode === 'test' },
      })
    }
  })

  test("another tenant's member is nobody here", async () => {
    const stranger = await createPerson(deployment, { tenantId: (await createTenant(deployment)).id })
    for (const answer of [
      await live.api('GET', `/v1/members/${stranger.id}`, key),
      await setRole(key, stranger, 'member'),
      await remove(key, stranger),
      await live.api('POST', `/v1/members/${stranger.id}/password-link`, key),
    ]) {
      expectProblem(answer, 404, 'not_found')
    }
  })
})

// seeds: service-tokens-of-service-users ("Only users with the Admin role can create Service Users, generate tokens"),
// knock-service-tokens ("only account owners or admins have the privilege to generate (or revoke) service tokens")
describeDeployment('database', 'what only owners and admins do', (open) => {
  let deployment: TestDeployment
  let live: Caller
  let key: string

  beforeAll(async () => {
    deployment = await startDeployment(open)
    live = deployment.nodes[0].at('live')
    key = deployment.made.live.api_key
  })

  const delegated = async (person: Person): Promise<string> => {
    const app = await createApp(live, key)
    const agreed = await agree(createBrowser(live, person), app)
    const form = { grant_type: 'authorization_code', client_id: app.client_id, ...agreed }
    return (await live.form('/oauth/token', form)).body.access_token
  }
  const personal = async (person: Person): Promise<string> =>
    (await makePersonalToken(deployment, person)).personal_access_token

  const cases = (['owner', 'admin', 'member'] as const).flatMap((role) =>
    [
      { by: 'an app', tokenOf: delegated },
      { by: 'a personal access token', tokenOf: personal },
    ].map((each) => ({ role, ...each })),
  )

  test.each(cases)('$role by $by', async ({ role, tokenOf }) => {
    const token = await tokenOf(await createPerson(deployment, { role }))
    const user = (await live.api('POST', '/v1/service-users', key, { name: 'robot', role: 'admin' })).body
    const serviceToken = (await live.api('POST', `/v1/service-users/${user.id}/tokens`, key, { name: 'one' })).body
    const client = { client_id: `c-${user.id.slice(3)}`, client_secret: 'Ab1!cdefgh', permission: 'edit' }
    const answers = [
      await live.api('POST', '/v1/service-users', token, { name: 'another', role: 'editor' }),
      await live.api('POST', `/v1/service-users/${user.id}/tokens`, token, { name: 'two' }),
      await live.api('POST', `/v1/service-tokens/${serviceToken.id}/revoke`, token),
      await live.api('POST', `/v1/service-tokens/${serviceToken.id}/restore`, token),
      await live.api('DELETE', `/v1/service-tokens/${serviceToken.id}`, token),
      await live.api('POST', '/v1/api-clients', token, client),
      await live.api('POST', '/v1/members/invitations', token, { email: `${user.id}@example.com`, role: 'member' }),
    ]
    const expected = role === 'member' ? answers.map(() => 403) : [201, 201, 200, 200, 204, 201, 201]
    expect(answers.map(({ status }) => status)).toEqual(expected)
    expect((await live.api('GET', '/v1/service-users', token)).status).toBe(200)
  })
})
