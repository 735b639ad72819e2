import { beforeAll, describe, expect, test } from 'vitest'
import { newRecordId } from '../../server/credentials/format.ts'
import { createUsage, type UsedSecret } from '../../server/credentials/usage.ts'
import { createUsageSweep, daysBetween, KEPT_DAYS } from '../../server/credentials/usage-days.ts'
import type { Database } from '../../server/storage/database.ts'
import { createTestClock } from '../clock.ts'
import { describeDeployments } from '../deployments.ts'
import { startDeployment, type TestDeployment } from '../start.ts'
import { createTenant } from '../tenants.ts'

const MIDNIGHT = Date.UTC(2030, 0, 31)
const MINUTE = 60_000
const DAY = 24 * 60 * MINUTE

describeDeployments('what is counted of the use of secrets', (open) => {
  let deployment: TestDeployment
  let database: Database

  beforeAll(async () => {
    deployment = await startDeployment(open, { clock: createTestClock(MIDNIGHT) })
    database = deployment.storage.database
  })

  /** A secret of a key that nobody else uses. */
  async function freshSecret(): Promise<UsedSecret> {
    const { id: tenantId } = await createTenant(deployment)
    const { clientId, id } = await database.secret.findFirstOrThrow({ where: { tenantId, mode: 'live' } })
    return { tenantId, mode: 'live', clientId, secretId: id }
  }

  const lastUse = async ({ secretId }: UsedSecret) => {
    const row = await database.secret.findUniqueOrThrow({ where: { id: secretId } })
    return [row.lastUsedAt?.toISOString() ?? null, row.lastUsedIp, row.lastUsedAgent]
  }
  const counts = async ({ secretId }: UsedSecret) =>
    Object.fromEntries(
      (await database.usageDay.findMany({ where: { secretId } })).map(({ day, count }) => [day, count]),
    )

  const usageAt = (start: number, more: { capacity?: number; database?: Database } = {}) => {
    const clock = createTestClock(start)
    return { clock, usage: createUsage({ database, clock, ...more }) }
  }
  const FROM = { ip: '192.0.2.1', userAgent: 'curl/8' }

  test('nothing is written before it is flushed; then when, from where, by what, and how often', async () => {
    const secret = await freshSecret()
    const { clock, usage } = usageAt(MIDNIGHT + 59_999)
    for (let each = 0; each < 3; each++) usage.used(secret, FROM)
    clock.advance(MINUTE)
    usage.used(secret, { ip: '2001:db8::1', userAgent: undefined })
    expect([await lastUse(secret), await counts(secret)]).toEqual([[null, null, null], {}])
    await usage.flush()
    expect(await lastUse(secret)).toEqual(['2030-01-31T00:01:00.000Z', '2001:db8::1', null])
    expect(await counts(secret)).toEqual({ '2030-01-31': 4 })
    await usage.flush()
    expect(await counts(secret)).toEqual({ '2030-01-31': 4 })
  })

  test('days are those of UTC', async () => {
    const secret = await freshSecret()
    const { clock, usage } = usageAt(MIDNIGHT - 1)
    usage.used(secret, FROM)
    clock.advance(1)
    usage.used(secret, { ...FROM, ip: '192.0.2.2' })
    await usage.flush()
    expect(await counts(secret)).toEqual({ '2030-01-30': 1, '2030-01-31': 1 })
    expect(await lastUse(secret)).toEqual(['2030-01-31T00:00:00.000Z', '192.0.2.2', 'curl/8'])
  })

  test('nodes add up what they counted, and the later use stands, whoever writes first', async () => {
    const secret = await freshSecret()
    const early = usageAt(MIDNIGHT)
    const late = usageAt(MIDNIGHT + 5 * MINUTE)
    early.usage.used(secret, { ...FROM, ip: '192.0.2.3' })
    late.usage.used(secret, FROM)
    await late.usage.flush()
    await early.usage.flush()
    expect(await lastUse(secret)).toEqual(['2030-01-31T00:05:00.000Z', '192.0.2.1', 'curl/8'])
    expect(await counts(secret)).toEqual({ '2030-01-31': 2 })
  })

  test('a use without a place keeps the last that is known', async () => {
    const secret = await freshSecret()
    const { clock, usage } = usageAt(MIDNIGHT)
    usage.used(secret, FROM)
    await usage.flush()
    clock.advance(MINUTE)
    usage.used(secret, undefined)
    await usage.flush()
    expect(await lastUse(secret)).toEqual(['2030-01-31T00:01:00.000Z', '192.0.2.1', 'curl/8'])
    expect(await counts(secret)).toEqual({ '2030-01-31': 2 })
  })

  test('a failed flush keeps all, and the next one writes it', async () => {
    const secret = await freshSecret()
    const away = new Proxy(database, {
      get: (target, name) => {
        if (isAway && name === '$executeRaw') return () => Promise.reject(new Error('away'))
        return Reflect.get(target, name)
      },
    })
    let isAway = true
    const { usage } = usageAt(MIDNIGHT, { database: away })
    usage.used(secret, FROM)
    await expect(usage.flush()).rejects.toThrow('away')
    usage.used(secret, FROM)
    expect(await counts(secret)).toEqual({})
    isAway = false
    await usage.flush()
    expect(await counts(secret)).toEqual({ '2030-01-31': 2 })
  })

  test('secrets and clients that are gone meanwhile stop nobody', async () => {
    const [stays, secretGoes, clientGoes] = [await freshSecret(), await freshSecret(), await freshSecret()]
    const { usage } = usageAt(MIDNIGHT)
    for (const each of [stays, secretGoes, clientGoes]) usage.used(each, FROM)
    await database.secret.delete({ where: { id: secretGoes.secretId } })
    await database.client.delete({ where: { id: clientGoes.clientId } })
    await usage.flush()
    expect(await counts(stays)).toEqual({ '2030-01-31': 1 })
    expect(await counts(secretGoes)).toEqual({ '2030-01-31': 1 })
    expect(await counts(clientGoes)).toEqual({})
  })

  test('one that was deleted takes its counts along', async () => {
    const secret = await freshSecret()
    const { usage } = usageAt(MIDNIGHT)
    usage.used(secret, FROM)
    await usage.flush()
    await database.client.delete({ where: { id: secret.clientId } })
    expect(await counts(secret)).toEqual({})
  })

  test('more secrets than a statement takes', async () => {
    const { tenantId, mode, clientId } = await freshSecret()
    const secrets = Array.from({ length: 1201 }, () => newRecordId('sec'))
    const { usage } = usageAt(MIDNIGHT)
    for (const secretId of secrets) usage.used({ tenantId, mode, clientId, secretId }, FROM)
    await usage.flush()
    const { _sum } = await database.usageDay.aggregate({ where: { clientId }, _sum: { count: true } })
    expect(_sum.count).toBe(1201)
  })

  test('memory is bounded: of too many secrets, some uses go uncounted, those that are known never', async () => {
    const { tenantId, mode, clientId } = await freshSecret()
    const idle = new Proxy(database, {
      get: (target, name) =>
        name === '$queryRaw' && isAway ? () => Promise.reject(new Error('away')) : Reflect.get(target, name),
    })
    let isAway = true
    const { usage } = usageAt(MIDNIGHT, { database: idle, capacity: 10 })
    const secrets = Array.from({ length: 12 }, () => newRecordId('sec'))
    for (const _ of ['once', 'again']) {
      for (const secretId of secrets) usage.used({ tenantId, mode, clientId, secretId }, FROM)
    }
    await usage.flush().catch(() => {})
    isAway = false
    await usage.flush()
    const rows = await database.usageDay.findMany({ where: { clientId } })
    expect(rows.length).toBe(10)
    expect(rows.every(({ count }) => count === 2)).toBe(true)
  })

  test('two nodes flush the same secrets at once, in any order: no count is lost', async () => {
    const secrets = await Promise.all(Array.from({ length: 8 }, freshSecret))
    const nodes = deployment.nodes.map((_, index) => usageAt(MIDNIGHT + index * MINUTE).usage)
    for (let round = 0; round < 10; round++) {
      for (const [index, usage] of nodes.entries()) {
        for (const secret of index ? secrets.toReversed() : secrets) usage.used(secret, FROM)
      }
      await Promise.all(nodes.map((usage) => usage.flush()))
    }
    await Promise.all(nodes.map((usage) => usage.flush()))
    for (const secret of secrets) {
      expect(await counts(secret)).toEqual({ '2030-01-31': 20 })
      expect((await lastUse(secret))[0]).toBe('2030-01-31T00:01:00.000Z')
    }
  })

  test('days that are long gone are swept', async () => {
    const secret = await freshSecret()
    const { clock, usage } = usageAt(MIDNIGHT)
    usage.used(secret, FROM)
    clock.advance(DAY)
    usage.used(secret, FROM)
    await usage.flush()
    clock.advance((KEPT_DAYS - 1) * DAY)
    const sweep = createUsageSweep({ database, clock })
    await sweep.sweep(500)
    expect(await counts(secret)).toEqual({ '2030-01-31': 1, '2030-02-01': 1 })
    clock.advance(DAY)
    // Other tests have left more than one batch of that day.
    while ((await sweep.sweep(500)) === 500) {}
    expect(await counts(secret)).toEqual({ '2030-02-01': 1 })
  })

  describe('on the way of a request', () => {
    test('a token minted, a call of the API, an introspection: each is a use; a wrong secret is none', async () => {
      const { keys, id } = await createTenant(deployment)
      const { secretId, ...rest } = await (async () => {
        const row = await database.secret.findFirstOrThrow({ where: { tenantId: id, mode: 'live' } })
        return { secretId: row.id, tenantId: id, mode: 'live' as const, clientId: row.clientId }
      })()
      const secret = { secretId, ...rest }
      const live = deployment.nodes[0].at('live')
      expect((await live.token(keys.live)).status).toBe(200)
      expect((await live.api('GET', '/v1/me', keys.live.api_key)).status).toBe(200)
      expect((await live.introspect(keys.live, keys.live.api_key)).body.active).toBe(true)
      const wrong = { ...keys.live, client_secret: `${keys.live.client_secret.slice(0, -1)}x` }
      expect((await live.token(wrong)).status).toBe(401)
      await deployment.nodes[0].node.flushUsage()
      // The introspection counts twice: for who asked, and for what it asked about.
      expect(await counts(secret)).toEqual({ '2030-01-31': 4 })
      expect((await lastUse(secret))[1]).toMatch(/127\.0\.0\.1$/)
    })

    test('who may not know of a key does not use it by asking', async () => {
      const [one, other] = [await createTenant(deployment), await createTenant(deployment)]
      const live = deployment.nodes[0].at('live')
      expect((await live.introspect(one.keys.live, other.keys.live.api_key)).body).toEqual({ active: false })
      await deployment.nodes[0].node.flushUsage()
      const { id } = await database.secret.findFirstOrThrow({ where: { tenantId: other.id, mode: 'live' } })
      expect(await database.usageDay.count({ where: { secretId: id } })).toBe(0)
    })
  })
})

test('days between', () => {
  expect(daysBetween('2030-02-27', '2030-03-02')).toEqual(['2030-02-27', '2030-02-28', '2030-03-01', '2030-03-02'])
  expect(daysBetween('2030-02-27', '2030-02-27')).toEqual(['2030-02-27'])
})
