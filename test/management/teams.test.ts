import { beforeAll, beforeEach, expect, test } from 'vitest'
import { describeDeployments } from '../deployments.ts'
import { createPerson } from '../oauth/people.ts'
import { type Caller, startDeployment, type TestDeployment } from '../start.ts'
import { createTenant, type TestTenant } from '../tenants.ts'
import { expectFields, expectProblem } from './problem.ts'

describeDeployments('/v1/teams', (open) => {
  let deployment: TestDeployment
  let live: Caller
  let there: Caller
  let tenant: TestTenant
  let key: string

  beforeAll(async () => {
    deployment = await startDeployment(open)
    live = deployment.nodes[0].at('live')
    there = deployment.nodes[1].at('live')
  })
  beforeEach(async () => {
    tenant = await createTenant(deployment)
    key = tenant.keys.live.api_key
  })

  const create = (body: object = {}) => live.api('POST', '/v1/teams', key, { name: 'Ops', ...body })
  const change = (id: string, body: object, caller = live) => caller.api('PATCH', `/v1/teams/${id}`, key, body)
  const person = () => createPerson(deployment, { tenantId: tenant.id, role: 'member' })

  test('made, shown with who is in it, changed, deleted', async () => {
    const [ada, bob] = [await person(), await person()]
    const { status, body } = await create({ description: 'keeps it running', members: [ada.id, ada.id] })
    expect([status, body]).toEqual([
      201,
      {
        ...{ id: expect.stringMatching(/^team_[a-z2-7]{16}$/), name: 'Ops', description: 'keeps it running' },
        members: [{ id: ada.id, email: ada.email, role: 'member' }],
        service_users: [],
        ...{ created_at: expect.stringMatching(/Z$/), updated_at: expect.stringMatching(/Z$/) },
        created_by: expect.stringMatching(/^key_/),
      },
    ])
    expect((await there.api('GET', `/v1/teams/${body.id}`, key)).body).toEqual(body)
    const changed = await change(body.id, { name: 'Operations', members: [bob.id] })
    expect(changed.body).toMatchObject({ name: 'Operations', members: [{ id: bob.id }] })
    const listed = (await live.api('GET', '/v1/teams?search=oper', key)).body.data
    expect(listed).toEqual([expect.objectContaining({ id: body.id, name: 'Operations' })])
    expect((await live.api('GET', '/v1/teams?search=%25', key)).body.data).toEqual([])
    expect((await live.api('DELETE', `/v1/teams/${body.id}`, key)).status).toBe(204)
    expectProblem(await live.api('GET', `/v1/teams/${body.id}`, key), 404, 'not_found')
    const log = (await live.api('GET', `/v1/audit-logs?target=${body.id}`, key)).body.data
    expect(log.map(({ action }: { action: string }) => action)).toEqual([
      'team.deleted',
      'team.changed',
      'team.created',
    ])
  })

  test('a name is one team’s, in a mode', async () => {
    const { id } = (await create()).body
    const answers = await Promise.all(
      [live, there].map((caller) => caller.api('POST', '/v1/teams', key, { name: 'New' })),
    )
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 409])
    expectProblem(await create(), 409, 'conflict')
    expectProblem(await change(id, { name: 'New' }), 409, 'conflict')
    const other = await deployment.nodes[0]
      .at('test')
      .api('POST', '/v1/teams', tenant.keys.test.api_key, { name: 'Ops' })
    expect(other.status).toBe(201)
  })

  test('a member of another tenant is nobody', async () => {
    const { id } = (await create()).body
    const stranger = await createPerson(deployment, { tenantId: (await createTenant(deployment)).id })
    const own = await person()
    expectFields(await create({ name: 'x', members: [own.id, stranger.id] }), '/members/1')
    expectFields(await change(id, { members: [stranger.id] }), '/members/0')
    expect((await live.api('GET', `/v1/teams/${id}`, key)).body.members).toEqual([])
    expectFields(await change(id, { nothing: 1 }), '/nothing')
  })

  test('who is removed from the tenant is in no team', async () => {
    const member = await person()
    const { id } = (await create({ members: [member.id] })).body
    expect((await live.api('DELETE', `/v1/members/${member.id}`, key)).status).toBe(204)
    expect((await there.api('GET', `/v1/teams/${id}`, key)).body.members).toEqual([])
  })

  test('a deleted team is taken from its service users', async () => {
    const [ops, dev] = [(await create()).body, (await create({ name: 'Dev' })).body]
    const user = (
      await live.api('POST', '/v1/service-users', key, { name: 'robot', role: 'viewer', teams: [ops.id, dev.id] })
    ).body
    expect((await live.api('GET', `/v1/teams/${ops.id}`, key)).body.service_users).toEqual([
      { id: user.id, name: 'robot' },
    ])
    expect((await live.api('DELETE', `/v1/teams/${ops.id}`, key)).status).toBe(204)
    expect((await there.api('GET', `/v1/service-users/${user.id}`, key)).body.teams).toEqual([dev.id])
  })
})
