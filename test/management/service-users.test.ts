import { beforeAll, describe, expect, test } from 'vitest'
import { describeDeployments } from '../deployments.ts'
import { type Caller, startDeployment, type TestDeployment } from '../start.ts'
import { expectFields, expectProblem } from './problem.ts'

describeDeployments('/v1/service-users and their tokens', (open) => {
  let deployment: TestDeployment
  let live: Caller
  let there: Caller
  let key: string
  let userId: string
  const teams: string[] = []

  beforeAll(async () => {
    deployment = await startDeployment(open)
    live = deployment.nodes[0].at('live')
    there = deployment.nodes[1].at('live')
    key = deployment.made.live.api_key
    for (const name of ['ops', 'billing']) teams.push((await live.api('POST', '/v1/teams', key, { name })).body.id)
    const body = { name: 'robot', role: 'viewer', teams, description: 'nightly' }
    userId = (await live.api('POST', '/v1/service-users', key, body)).body.id
  })

  const issue = async (more: object = {}) =>
    (await live.api('POST', `/v1/service-users/${userId}/tokens`, key, { name: 'token', ...more })).body
  const change = (id: string, what: string) => live.api('POST', `/v1/service-tokens/${id}/${what}`, key)
  const works = async (token: string) => (await there.api('GET', '/v1/me', token)).status === 200

  test('its id is its client_id, and it has no secret', async () => {
    const { body } = await there.api('GET', `/v1/service-users/${userId}`, key)
    expect(body).toEqual({
      ...{ id: expect.stringMatching(/^su_[a-z2-7]{8,}$/), client_id: userId },
      ...{ name: 'robot', description: 'nightly', role: 'viewer', teams, jwks: null, status: 'active' },
      ...{ created_at: expect.stringMatching(/Z$/), created_by: expect.stringMatching(/^key_/) },
      ...{ updated_at: expect.stringMatching(/Z$/), disabled_at: null },
    })
    expect((await live.api('GET', '/v1/service-users', key)).body).toEqual({ data: [body], next_cursor: null })
  })

  test('a token: its secret once, the hint of its prefix for ever', async () => {
    const made = await issue()
    expect(made).toEqual({
      ...{ id: expect.stringMatching(/^svt_[a-z2-7]{16}$/), service_user_id: userId, name: 'token', status: 'active' },
      prefix_hint: expect.stringMatching(/^st_live_[a-z2-7]{8,}$/),
      ...{ created_at: expect.stringMatching(/Z$/), created_by: expect.stringMatching(/^key_/) },
      ...{ expires_at: null, revoked_at: null, leaked_at: null },
      ...{ last_used_at: null, last_used_ip: null, last_used_agent: null },
      service_token: expect.stringMatching(/^st_live_[a-z2-7]{8,}_[0-9A-Za-z]{49}$/),
    })
    expect(made.service_token.startsWith(`${made.prefix_hint}_`)).toBe(true)
    const list = await live.api('GET', `/v1/service-users/${userId}/tokens`, key)
    const { service_token, ...record } = made
    expect(list.body.data).toContainEqual(record)
    expect(list.text).not.toContain(service_token.slice(-49))
  })

  test('many tokens side by side; each lives and dies alone', async () => {
    const [one, two] = [await issue(), await issue()]
    expect([await works(one.service_token), await works(two.service_token)]).toEqual([true, true])
    expect((await change(one.id, 'revoke')).body).toMatchObject({ status: 'revoked', id: one.id })
    expect([await works(one.service_token), await works(two.service_token)]).toEqual([false, true])
  })

  test('revoked, restored, revoked, deleted: at the next request on the other node [attack 9]', async () => {
    const { id, service_token } = await issue()
    expect(await works(service_token)).toBe(true)
    for (const [what, status] of [
      ['revoke', 'revoked'],
      ['revoke', 'revoked'],
      ['restore', 'active'],
      ['restore', 'active'],
      ['revoke', 'revoked'],
    ] as const) {
      const response = await change(id, what)
      expect([response.status, response.body.status]).toEqual([200, status])
      expect(await works(service_token)).toBe(status === 'active')
    }
    expect((await live.api('DELETE', `/v1/service-tokens/${id}`, key)).status).toBe(204)
    expect(await works(service_token)).toBe(false)
    for (const what of ['revoke', 'restore']) expectProblem(await change(id, what), 404, 'not_found')
    expectProblem(await live.api('DELETE', `/v1/service-tokens/${id}`, key), 404, 'not_found')
  })

  test('a token ends when it says; restoring it then brings nothing back', async () => {
    const expires_at = new Date(deployment.clock.now() + 10_000).toISOString()
    const { id, service_token } = await issue({ expires_at })
    expect(await works(service_token)).toBe(true)
    deployment.clock.advance(10_000)
    expect(await works(service_token)).toBe(false)
    await change(id, 'revoke')
    expect((await change(id, 'restore')).body.status).toBe('expired')
    expect(await works(service_token)).toBe(false)
  })

  test('an end in the past is refused', async () => {
    expectFields(
      await live.api('POST', `/v1/service-users/${userId}/tokens`, key, {
        name: 't',
        expires_at: '2001-01-01T00:00:00Z',
      }),
      '/expires_at',
    )
  })

  describe('not found', () => {
    test('a user or token that is none', async () => {
      const keyId = (await live.api('GET', '/v1/api-keys', key)).body.data[0].id
      for (const id of [keyId, 'su_aaaaaaaaaaaa', 'x', '%00']) {
        expectProblem(await live.api('GET', `/v1/service-users/${id}`, key), 404, 'not_found')
        expectProblem(await live.api('GET', `/v1/service-users/${id}/tokens`, key), 404, 'not_found')
        expectProblem(await live.api('POST', `/v1/service-users/${id}/tokens`, key, { name: 't' }), 404, 'not_found')
        expectProblem(await change(id, 'revoke'), 404, 'not_found')
      }
    })

    test("a key's secret is no service token", async () => {
      const { database } = deployment.storage
      const { id } = await database.secret.findFirstOrThrow({ where: { publicId: null, mode: 'live' } })
      for (const what of ['revoke', 'restore']) expectProblem(await change(id, what), 404, 'not_found')
      expectProblem(await live.api('DELETE', `/v1/service-tokens/${id}`, key), 404, 'not_found')
      expect(await database.secret.count({ where: { id } })).toBe(1)
    })
  })
})
