import { beforeAll, expect, test } from 'vitest'
import { createFailureLimit, FAILURES_PER_MINUTE, type FailureLimit } from '../../server/credentials/failure-limit.ts'
import { newPublicId, newStandardKey } from '../../server/credentials/format.ts'
import { createTestClock, type TestClock } from '../clock.ts'
import { describeDeployments } from '../deployments.ts'
import { type Caller, startDeployment, type TestDeployment } from '../start.ts'

const { clientFromNetwork, network, client } = FAILURES_PER_MINUTE

describeDeployments('the limit of failed authentications', (open, name) => {
  let clock: TestClock
  let limit: FailureLimit
  let elsewhere: FailureLimit

  beforeAll(async () => {
    clock = createTestClock()
    const { nodes } = await open({ clock })
    limit = createFailureLimit({ state: nodes[0].state.live, clock })
    elsewhere = createFailureLimit({ state: nodes[1].state.live, clock })
  })

  let used = 0
  const freshNetwork = () => `2001:db8:${(++used).toString(16)}:1::1`

  /** How many are answered one by one before the first is told to wait. */
  async function untilLimited(fail: (each: number) => Promise<number | undefined>): Promise<number> {
    for (let each = 0; ; each++) if ((await fail(each)) !== undefined) return each
  }

  test('for one client from one network', async () => {
    const [id, from] = [newPublicId(), freshNetwork()]
    expect(await untilLimited(() => limit.failed(id, from))).toBe(clientFromNetwork)
    expect(await limit.failed(newPublicId(), from)).toBeUndefined()
    expect(await limit.failed(id, freshNetwork())).toBeUndefined()
  })

  test('a /64 is one network, whatever address of it and however written; all nodes count together', async () => {
    const id = newPublicId()
    const prefix = freshNetwork().slice(0, -1)
    const spelled = (each: number) => (each % 2 ? `${prefix}${each.toString(16)}`.toUpperCase() : `${prefix}a:${each}`)
    const at = (each: number) => (each % 3 ? limit : elsewhere)
    expect(await untilLimited((each) => at(each).failed(id, spelled(each)))).toBe(clientFromNetwork)
  })

  test('an IPv4 address is the same when it is mapped into IPv6', async () => {
    const id = newPublicId()
    const spelled = ['198.51.100.7', '::ffff:198.51.100.7', '::FFFF:c633:6407', '0:0:0:0:0:ffff:c633:6407']
    expect(await untilLimited((each) => limit.failed(id, spelled[each % 4] as string))).toBe(clientFromNetwork)
  })

  test('for all clients from one network', async () => {
    const from = freshNetwork()
    expect(await untilLimited(() => limit.failed(newPublicId(), from))).toBe(network)
  })

  test('where there is no such client, its network alone', async () => {
    const from = freshNetwork()
    expect(await untilLimited(() => limit.failed(undefined, from))).toBe(network)
  })

  test('for one client from all networks', async () => {
    const id = newPublicId()
    for (let counted = 0; counted < client; counted += 50) {
      const refused = Array.from({ length: 50 }, () => limit.failed(id, freshNetwork()))
      expect((await Promise.all(refused)).filter((wait) => wait !== undefined)).toEqual([])
    }
    expect(await limit.failed(id, freshNetwork())).toBeGreaterThanOrEqual(1)
  }, 60_000)

  test('the wait is whole seconds, within the minute', async () => {
    const [id, from] = [newPublicId(), freshNetwork()]
    await untilLimited(() => limit.failed(id, from))
    const wait = (await limit.failed(id, from)) as number
    expect(Number.isInteger(wait)).toBe(true)
    expect(wait).toBeGreaterThanOrEqual(1)
    expect(wait).toBeLessThanOrEqual(60)
  })

  // Redis counts lifetimes by its own clock: test/storage/state-store.test.ts shows that they end there.
  const countsByOurClock = name !== 'cluster'
  if (countsByOurClock)
    test('the window begins with the first failure and ends by the clock', async () => {
      const [id, from] = [newPublicId(), freshNetwork()]
      await limit.failed(id, from)
      clock.advance(59_000)
      await untilLimited(() => limit.failed(id, from))
      expect(await limit.failed(id, from)).toBe(1)
      clock.advance(999)
      expect(await limit.failed(id, from)).toBe(1)
      clock.advance(1)
      expect(await limit.failed(id, from)).toBeUndefined()
    })
})

describeDeployments('over HTTP', (open) => {
  let deployment: TestDeployment
  let live: Caller

  beforeAll(async () => {
    deployment = await startDeployment(open, { trustProxy: true })
    live = deployment.nodes[0].at('live')
  })

  test('guessing is answered 429, then; the owner of the secret is let in all the while, from anywhere [attack 1]', async () => {
    const key = deployment.made.live
    const there = deployment.nodes[1].at('live')
    const guess = () => newStandardKey('live', key.client_id.slice(3)).slice(-49)
    const from = (address: string) => ({ 'x-forwarded-for': address })
    const attack = '2001:db8:bad:1::'
    const answers: number[] = []
    for (let each = 0; each < clientFromNetwork + 5; each++) {
      const at = each % 2 ? live : there
      const { status, body, headers } = await at.token({ ...key, client_secret: guess() }, {}, from(`${attack}${each}`))
      answers.push(status)
      if (status !== 429) continue
      expect(body.error).toBe('rate_limited')
      expect(Number(headers['retry-after'])).toBeGreaterThanOrEqual(1)
    }
    expect(answers).toEqual([...Array(clientFromNetwork).fill(401), ...Array(5).fill(429)])

    for (const at of [live, there]) {
      expect((await at.token(key, {}, from('2001:db8:900d:1::1'))).status).toBe(200)
      expect((await at.token(key, {}, from(`${attack}ffff`))).status).toBe(200)
    }
    const other = (await live.api('POST', '/v1/api-keys', key.api_key, { kind: 'standard', name: 'other' })).body
    expect((await live.token(other, {}, from(`${attack}1`))).status).toBe(200)
    const wrong = { ...other, client_secret: newStandardKey('live', other.client_id.slice(3)).slice(-49) }
    expect((await live.token(wrong, {}, from(`${attack}1`))).status).toBe(401)
  })
})

describeDeployments('over HTTP, with no proxy trusted', (open) => {
  test('X-Forwarded-For is no way out of the limit [attack 1]', async () => {
    const deployment = await startDeployment(open)
    const live = deployment.nodes[0].at('live')
    const { client_id } = deployment.made.live
    const statuses: number[] = []
    for (let each = 0; each <= clientFromNetwork; each++) {
      const client_secret = newStandardKey('live', client_id.slice(3)).slice(-49)
      const headers = { 'x-forwarded-for': `2001:db8:${each}::1`, 'x-real-ip': `192.0.2.${each}` }
      statuses.push((await live.token({ client_id, client_secret }, {}, headers)).status)
    }
    expect(statuses.at(-1)).toBe(429)
  })
})
