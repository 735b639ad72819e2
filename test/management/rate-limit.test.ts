import { beforeAll, describe, expect, test } from 'vitest'
import { createRateLimit } from '../../server/management/rate-limit.ts'
import { createTestClock } from '../clock.ts'
import { describeDeployment, describeDeployments } from '../deployments.ts'
import { type Caller, startDeployment, type TestDeployment } from '../start.ts'
import { createTenant } from '../tenants.ts'
import { expectProblem } from './problem.ts'

const LIMIT = 100
const LEASE = 5

describeDeployments('the rate limit of the management API', (open) => {
  let deployment: TestDeployment
  let nodes: readonly [Caller, Caller]
  beforeAll(async () => {
    deployment = await startDeployment(open, { apiRateLimit: LIMIT })
    nodes = [deployment.nodes[0].at('live'), deployment.nodes[1].at('live')]
  })

  /** A client of its own. */
  const newKey = async () => (await createTenant(deployment)).keys.live.api_key

  test('holds over two nodes to within what each has taken for itself', async () => {
    const key = await newKey()
    const answers = await Promise.all(
      Array.from({ length: LIMIT + 40 }, (_, at) => (nodes[at % 2] as Caller).api('GET', '/v1/me', key)),
    )
    const passed = answers.filter(({ status }) => status === 200).length
    expect(passed).toBeLessThanOrEqual(LIMIT)
    expect(passed).toBeGreaterThan(LIMIT - LEASE)
    expect(answers.every(({ status }) => status === 200 || status === 429)).toBe(true)
    expect((await nodes[0].api('GET', '/v1/me', await newKey())).status).toBe(200)
  })

  test('says in every answer how much is left, and when there will be more', async () => {
    const key = await newKey()
    for (let sent = 1; sent <= LIMIT; sent++) {
      const { status, headers } = await nodes[0].api('GET', '/v1/me', key)
      expect([status, headers['ratelimit-policy']]).toEqual([200, `"default";q=${LIMIT};w=60`])
      expect(headers.ratelimit).toMatch(new RegExp(`^"default";r=${LIMIT - sent};t=(60|5\\d)$`))
    }
    const refused = await nodes[0].api('GET', '/v1/me', key)
    expectProblem(refused, 429, 'rate_limited')
    expect(refused.headers.ratelimit).toMatch(/^"default";r=0;t=\d+$/)
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0)
    expect(refused.headers['retry-after']).toBe(/t=(\d+)/.exec(refused.headers.ratelimit as string)?.[1])
  })

  test('a refusal for lack of a scope counts, and says so as well', async () => {
    const { body } = await nodes[0].api('POST', '/v1/api-keys', await newKey(), {
      ...{ kind: 'standard', name: 'Reader', scopes: ['apps:read'] },
    })
    const { status, headers } = await nodes[0].api('GET', '/v1/tenant', body.api_key)
    expect([status, headers.ratelimit]).toEqual([403, expect.stringContaining(`r=${LIMIT - 1};`)])
  })

  test('who isn’t known is counted elsewhere', async () => {
    const { status, headers } = await nodes[0].api('GET', '/v1/me')
    expect([status, headers.ratelimit]).toEqual([401, undefined])
  })
})

describeDeployment('database', 'a minute later', (open) => {
  test('there is a whole limit again', async () => {
    const deployment = await startDeployment(open, { apiRateLimit: 3 })
    const live = deployment.nodes[0].at('live')
    const { api_key: key } = deployment.made.live
    const statuses = async () => {
      const sent = []
      for (let at = 0; at < 5; at++) sent.push((await live.api('GET', '/v1/me', key)).status)
      return sent
    }
    expect(await statuses()).toEqual([200, 200, 200, 429, 429])
    deployment.clock.advance(60_000)
    expect(await statuses()).toEqual([200, 200, 200, 429, 429])
  })
})

describe('leases', () => {
  test('a client’s minute is written at most 20 times by a node, however many requests there are', async () => {
    const clock = createTestClock()
    let written = 0
    let count = 0
    const state = {
      async countFailure(_: string, windowMs: number, by = 1) {
        written += 1
        count += by
        return { count, resetsAt: clock.now() + windowMs }
      },
    }
    const rateLimit = createRateLimit({ state, clock, limit: 1_200 })
    const allowed = await Promise.all(Array.from({ length: 5_000 }, () => rateLimit.count('someone')))
    expect(allowed.filter(({ isAllowed }) => isAllowed)).toHaveLength(1_200)
    expect(written).toBe(20)
  })
})
