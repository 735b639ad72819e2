import { beforeAll, expect, test } from 'vitest'
import { createTestClock } from '../clock.ts'
import { describeDeployments } from '../deployments.ts'
import { type Caller, startDeployment, type TestDeployment } from '../start.ts'
import { createTenant } from '../tenants.ts'
import { expectFields, expectProblem } from './problem.ts'

const DAY = 86_400_000

// seed: knock-api-keys ("Track usage across different parts of your infrastructure")
describeDeployments('the use of keys and tokens, as it is shown', (open) => {
  let deployment: TestDeployment
  let live: Caller
  let there: Caller
  let admin: string

  beforeAll(async () => {
    deployment = await startDeployment(open, { clock: createTestClock(Date.UTC(2030, 0, 30, 23, 59, 30)) })
    live = deployment.nodes[0].at('live')
    there = deployment.nodes[1].at('live')
    admin = deployment.made.live.api_key
  })

  const get = async (path: string) => {
    const response = await there.api('GET', path, admin)
    expect(response.status).toBe(200)
    return response.body
  }

  test('a key: when, from where and by what it was last used, how often on which day', async () => {
    const { id, api_key, ...key } = (await live.api('POST', '/v1/api-keys', admin, { kind: 'standard', name: 'used' }))
      .body
    expect(await get(`/v1/api-keys/${id}`)).toMatchObject({ last_used_at: null })
    await live.api('GET', '/v1/me', api_key).set('User-Agent', 'curl/8.5')
    await there.token(key).set('User-Agent', 'kc-sdk/1')
    deployment.clock.advance(DAY)
    await there.token(key).set('User-Agent', 'kc-sdk/2')
    await deployment.flushUsage()

    const shown = await get(`/v1/api-keys/${id}`)
    expect(shown.last_used_at).toBe('2030-01-31T23:59:00.000Z')
    expect(shown.secrets).toMatchObject([
      {
        last_used_at: shown.last_used_at,
        last_used_ip: expect.stringMatching(/127\.0\.0\.1$/),
        last_used_agent: 'kc-sdk/2',
      },
    ])
    expect((await get('/v1/api-keys')).data).toContainEqual(shown)

    const { data } = await get(`/v1/api-keys/${id}/usage`)
    expect(data).toHaveLength(30)
    expect(data[0]).toEqual({ date: '2030-01-02', count: 0 })
    expect(data.slice(-3)).toEqual([
      { date: '2030-01-29', count: 0 },
      { date: '2030-01-30', count: 2 },
      { date: '2030-01-31', count: 1 },
    ])
    const some = await get(`/v1/api-keys/${id}/usage?since=2030-01-30&until=2030-01-30`)
    expect(some).toEqual({ data: [{ date: '2030-01-30', count: 2 }] })
    deployment.clock.advance(-DAY)
  })

  // seed: service-tokens-of-service-users ("list columns: … expiration, last used, and status")
  test('service tokens: each its last use, their days together', async () => {
    const user = (await live.api('POST', '/v1/service-users', admin, { name: 'robot', role: 'viewer' })).body
    const issue = async (name: string) =>
      (await live.api('POST', `/v1/service-users/${user.id}/tokens`, admin, { name })).body
    const [one, two] = [await issue('one'), await issue('two')]
    for (const token of [one, one, two]) await there.api('GET', '/v1/me', token.service_token)
    await live.introspect(deployment.made.live, one.service_token)
    await deployment.flushUsage()
    const { data } = await get(`/v1/service-users/${user.id}/tokens`)
    for (const token of data) {
      expect(token).toMatchObject({
        last_used_at: '2030-01-30T23:59:00.000Z',
        last_used_ip: expect.stringMatching(/\./),
      })
    }
    await live.api('DELETE', `/v1/service-tokens/${two.id}`, admin)
    const usage = await get(`/v1/service-users/${user.id}/usage?since=2030-01-30&until=2030-01-30`)
    expect(usage.data).toEqual([{ date: '2030-01-30', count: 4 }])
  })

  test('to be used changes nothing for who edits it: the ETag stays', async () => {
    const { id, api_key } = (await live.api('POST', '/v1/api-keys', admin, { kind: 'standard', name: 'k' })).body
    const before = await there.api('GET', `/v1/api-keys/${id}`, admin)
    await live.api('GET', '/v1/me', api_key)
    await deployment.flushUsage()
    const after = await there.api('GET', `/v1/api-keys/${id}`, admin)
    expect(after.body.last_used_at).not.toBeNull()
    expect(after.headers.etag).toBe(before.headers.etag)
  })

  test.each([
    ['since=2030-02-01', '?since'],
    ['since=2030-01-03&until=2030-01-02', '?since'],
    ['since=2028-01-01&until=2030-01-02', '?since'],
    ['since=yesterday', '?since'],
    ['until=2030-02-30', '?until'],
    ['until=2030-01-30T00:00:00Z', '?until'],
    ['day=2030-01-30', '?day'],
  ])('%s', async (query, pointer) => {
    const { id } = (await live.api('GET', '/v1/api-keys', admin)).body.data[0]
    expectFields(await live.api('GET', `/v1/api-keys/${id}/usage?${query}`, admin), pointer)
  })

  test('400 days are shown, and the beginning of time is a day', async () => {
    const { id } = (await live.api('GET', '/v1/api-keys', admin)).body.data[0]
    expect((await get(`/v1/api-keys/${id}/usage?since=2028-12-27&until=2030-01-30`)).data).toHaveLength(400)
    expect((await get(`/v1/api-keys/${id}/usage?until=1970-01-05`)).data).toHaveLength(5)
    expect((await live.api('GET', `/v1/api-keys/${id}/usage?until=0000-01-01`, admin)).status).toBe(422)
  })

  test("nobody else's", async () => {
    const { id } = (await live.api('GET', '/v1/api-keys', admin)).body.data[0]
    const user = (await live.api('POST', '/v1/service-users', admin, { name: 'robot', role: 'viewer' })).body
    const { keys } = await createTenant(deployment)
    for (const path of [`/v1/api-keys/${id}/usage`, `/v1/service-users/${user.id}/usage`]) {
      expectProblem(await live.api('GET', path, keys.live.api_key), 404, 'not_found')
      const other = await deployment.nodes[0].at('test').api('GET', path, deployment.made.test.api_key)
      expectProblem(other, 404, 'not_found')
    }
    expectProblem(await live.api('GET', `/v1/api-keys/${user.id}/usage`, admin), 404, 'not_found')
    expectProblem(await live.api('GET', `/v1/service-users/${id}/usage`, admin), 404, 'not_found')
  })
})
