import { beforeAll, beforeEach, expect, test } from 'vitest'
import { describeDeployments } from '../deployments.ts'
import { createPerson, makePersonalToken } from '../oauth/people.ts'
import { type Caller, startDeployment, type TestDeployment } from '../start.ts'
import { createTenant, type TestTenant } from '../tenants.ts'
import { expectFields, expectProblem } from './problem.ts'

const PATH = '/v1/members/invitations'

describeDeployments(PATH, (open) => {
  let deployment: TestDeployment
  let live: Caller
  let tenant: TestTenant
  let key: string

  beforeAll(async () => {
    deployment = await startDeployment(open)
    live = deployment.nodes[0].at('live')
  })
  beforeEach(async () => {
    tenant = await createTenant(deployment)
    key = tenant.keys.live.api_key
  })

  const invite = (body: object = {}, token = key) =>
    live.api('POST', PATH, token, { email: 'ada@example.com', role: 'member', ...body })
  const listed = async (): Promise<{ id: string }[]> => (await live.api('GET', PATH, key)).body.data
  const opens = async (link: string) => (await live.get(link.slice(live.issuer.length))).status

  test('its link is shown once, and is nowhere', async () => {
    const { status, body } = await invite({ email: 'Ada@Example.com' })
    expect(status).toBe(201)
    const { link, ...record } = body
    expect(link).toMatch(/^http:\/\/localhost:\d+\/sign-in\/invitation\?token=[0-9A-Za-z]{49}$/)
    expect(record).toEqual({
      ...{
        id: expect.stringMatching(/^inv_/),
        email: 'ada@example.com',
        role: 'member',
        purpose: 'join',
        status: 'open',
      },
      ...{ created_at: expect.stringMatching(/Z$/), created_by: expect.stringMatching(/^key_/) },
      expires_at: new Date(deployment.clock.now() + 7 * 86_400_000).toISOString(),
    })
    expect(await listed()).toEqual([record])
    const { database } = deployment.storage
    const kept = [
      await database.invitation.findMany(),
      await database.auditEntry.findMany({ where: { targetId: body.id } }),
    ]
    expect(kept[1]).toHaveLength(2)
    expect(JSON.stringify(kept)).not.toContain(link.slice(-49))
  })

  test('a second one to the same address replaces the first', async () => {
    const first = (await invite()).body
    const second = (await invite({ email: 'ADA@example.com', role: 'admin' })).body
    expect(await listed()).toEqual([expect.objectContaining({ id: second.id, role: 'admin' })])
    expect([await opens(first.link), await opens(second.link)]).toEqual([404, 200])
  })

  test('taken back, or after seven days, it opens nothing', async () => {
    const { id, link } = (await invite()).body
    expect((await live.api('DELETE', `${PATH}/${id}`, key)).status).toBe(204)
    expectProblem(await live.api('DELETE', `${PATH}/${id}`, key), 404, 'not_found')
    const { link: late } = (await invite()).body
    expect([await opens(link), await opens(late)]).toEqual([404, 200])
    deployment.clock.advance(7 * 86_400_000 + 1)
    expect(await opens(late)).toBe(404)
    expect(await listed()).toEqual([expect.objectContaining({ status: 'expired' })])
  })

  test('whoever is a member already is not invited, however the address is spelled', async () => {
    const member = await createPerson(deployment, { tenantId: tenant.id })
    expectProblem(await invite({ email: member.email.toUpperCase() }), 409, 'conflict')
    const elsewhere = await createPerson(deployment, { tenantId: (await createTenant(deployment)).id })
    expect((await invite({ email: elsewhere.email })).status).toBe(201)
  })

  test('owners alone invite owners, and take such invitations away', async () => {
    const admin = await createPerson(deployment, { tenantId: tenant.id, role: 'admin' })
    const token = (await makePersonalToken(deployment, admin)).personal_access_token
    const refused = async (answer: Promise<{ status: number; body: { error: string } }>) => {
      const { status, body } = await answer
      expect([status, body.error]).toEqual([403, 'insufficient_scope'])
    }
    await refused(invite({ role: 'owner' }, token))
    const { id } = (await invite({ role: 'owner' })).body
    await refused(invite({ role: 'member' }, token))
    await refused(live.api('DELETE', `${PATH}/${id}`, token) as never)
    expect((await invite({ email: 'bob@example.com', role: 'admin' }, token)).status).toBe(201)
    expect((await listed()).map((each) => each.id)).toContain(id)
  })

  test.each([
    '',
    'ada',
    'ada@',
    '@example.com',
    'a b@example.com',
    'a\u0000@example.com',
    `${'a'.repeat(250)}@example.com`,
  ])('%j is no address', async (email) => expectFields(await invite({ email }), '/email'))

  test('a link to set a password is listed as one, and dies with the power that it was made for', async () => {
    const member = await createPerson(deployment, { tenantId: tenant.id, role: 'member' })
    const make = () => live.api('POST', `/v1/members/${member.id}/password-link`, key)
    const { status, body } = await make()
    expect([status, body]).toEqual([
      201,
      { id: expect.any(String), member_id: member.id, link: expect.any(String), expires_at: expect.any(String) },
    ])
    expect(await listed()).toEqual([expect.objectContaining({ email: member.email, purpose: 'password' })])
    expect(await opens(body.link)).toBe(200)
    await live.api('PATCH', `/v1/members/${member.id}`, key, { role: 'owner' })
    expect(await opens(body.link)).toBe(404)
    const { link } = (await make()).body
    await createPerson(deployment, { tenantId: tenant.id })
    expect((await live.api('DELETE', `/v1/members/${member.id}`, key)).status).toBe(204)
    expect(await opens(link)).toBe(404)
  })
})
