import { randomBytes } from 'node:crypto'
import { Redis } from 'ioredis'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { inTransaction, openPostgres } from '../../server/storage/database.ts'
import { openStorage, type Storage } from '../../server/storage/open.ts'
import { type StateStore, StoreUnavailable } from '../../server/storage/state-store.ts'
import { createTestClock } from '../clock.ts'
import { startPostgres, type TestServer } from '../services/postgres.ts'
import { type RedisSet, startRedis, startRedisCluster, startSentinel } from '../services/redis.ts'
import { createTestDatabase } from '../services/spaces.ts'

const clock = createTestClock()
const log = pino({ level: 'silent' })
const soon = () => clock.now() + 3_600_000
const fresh = () => randomBytes(16).toString('base64url')

/** Every call that needs the store (with Redis behind it, all of them do). */
const callsOf = (state: StateStore): Record<string, () => Promise<unknown>> => ({
  putToken: () => state.putToken(fresh(), 'record', soon()),
  findToken: () => state.findToken(fresh()),
  removeToken: () => state.removeToken(fresh()),
  standings: () => state.standings([fresh(), fresh()]),
  putRecord: () => state.putRecord(fresh(), 'payload', soon()),
  findRecord: () => state.findRecord(fresh()),
  swapRecord: () => state.swapRecord(fresh(), 'before', 'after', soon()),
  takeRecord: () => state.takeRecord(fresh()),
  remember: () => state.remember(fresh(), soon()),
  countFailure: () => state.countFailure(fresh(), 60_000),
  ping: () => state.ping(),
})

const redisCallsOf = (state: StateStore) => ({
  ...callsOf(state),
  forgetStandings: () => state.forgetStandings([fresh()]),
  raiseStandings: () => state.raiseStandings([{ ref: fresh(), version: 1, epoch: 1 }]),
})

type Calls = Record<string, () => Promise<unknown>>

/** What each call came to, and that the slowest took less than 5 s. */
async function outcomes(calls: Calls): Promise<Record<string, unknown>> {
  const began = performance.now()
  const settled = Object.entries(calls).map(async ([name, call]) => {
    const outcome = await call().then(
      () => 'answered',
      (error: unknown) => (error instanceof StoreUnavailable ? error.store : error),
    )
    return [name, outcome] as const
  })
  const results = Object.fromEntries(await Promise.all(settled))
  expect(performance.now() - began).toBeLessThan(5_000)
  return results
}

const all = (calls: Record<string, unknown>, outcome: string) =>
  Object.fromEntries(Object.keys(calls).map((name) => [name, outcome]))

/** Without a restart of the client, within seconds of the server being back. */
const recovery = (calls: Calls) =>
  vi.waitFor(async () => expect(await outcomes(calls)).toEqual(all(calls, 'answered')), {
    timeout: 15_000,
    interval: 50,
  })

function testItsAbsence(store: 'database' | 'redis', found: () => { server: TestServer; calls: Calls }): void {
  test('stopped: every call fails as unavailable; started again: every call answers', { timeout: 40_000 }, async () => {
    const { server, calls } = found()
    await server.stop()
    expect(await outcomes(calls)).toEqual(all(calls, store))
    await server.start()
    await recovery(calls)
  })

  test('stalled: every call fails in time; resumed: every call answers', { timeout: 40_000 }, async () => {
    const { server, calls } = found()
    server.suspend()
    expect(await outcomes(calls)).toEqual(all(calls, store))
    expect(await outcomes(calls)).toEqual(all(calls, store))
    server.resume()
    await recovery(calls)
  })
}

describe('PostgreSQL', () => {
  let server: TestServer
  let storage: Storage
  let calls: Calls

  beforeAll(async () => {
    server = await startPostgres()
    storage = await openStorage({ databaseUrl: server.url, redisUrl: undefined, dataDir: '' }, { clock, log })
    await storage.migrate()
    calls = { ...callsOf(storage.state.live), sweep: () => storage.state.live.sweep(10), storage: () => storage.ping() }
    await recovery(calls)
  })
  afterAll(async () => {
    await storage.close()
    await server.remove()
  })

  testItsAbsence('database', () => ({ server, calls }))

  test('a call under way when it is killed fails, and the process lives on', { timeout: 40_000 }, async () => {
    const slow = outcomes({ sleeping: () => storage.database.$queryRaw`SELECT pg_sleep(60)::text` })
    await vi.waitFor(async () => {
      const [row] = await storage.database.$queryRaw<{ count: bigint }[]>`
        SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep(60)%'`
      expect(Number(row?.count)).toBe(1)
    })
    await server.stop()
    expect(await slow).toEqual({ sleeping: 'database' })
    await server.start()
    await recovery(calls)
  })

  test('a transaction cut short by a stall takes nothing with it that comes later', { timeout: 40_000 }, async () => {
    await storage.database.$executeRaw`CREATE TABLE witness (what text)`
    const impatient = openPostgres(server.url, 300)
    const cut = inTransaction(impatient.database, async (transaction) => {
      await transaction.$executeRaw`SELECT 1`
      server.suspend()
      await transaction.$executeRaw`INSERT INTO witness VALUES ('part of it')`
    })
    await expect(cut).rejects.toBeInstanceOf(StoreUnavailable)
    server.resume()
    // Its ROLLBACK was never sent: on its connection this would be answered, and gone in the end.
    await vi.waitFor(() => impatient.database.$executeRaw`INSERT INTO witness VALUES ('later')`, { timeout: 15_000 })
    expect(await storage.database.$queryRaw`SELECT what FROM witness`).toEqual([{ what: 'later' }])
    await impatient.close()
  })
})

describe('Redis', () => {
  let server: TestServer
  let storage: Storage
  let calls: Calls

  beforeAll(async () => {
    server = await startRedis()
    const settings = { databaseUrl: await createTestDatabase(), redisUrl: server.url, dataDir: '' }
    storage = await openStorage(settings, { clock, log })
    calls = { ...redisCallsOf(storage.state.live), storage: () => storage.ping() }
    await recovery(calls)
  })
  afterAll(async () => {
    await storage.close()
    await server.remove()
  })

  testItsAbsence('redis', () => ({ server, calls }))

  test('demoted to a replica: writes fail; promoted: every call answers', { timeout: 40_000 }, async () => {
    const admin = new Redis(server.url)
    await admin.replicaof('127.0.0.1', '1')
    expect(await outcomes({ remember: () => storage.state.live.remember(fresh(), soon()) })).toEqual({
      remember: 'redis',
    })
    expect(await outcomes({ ping: () => storage.ping() })).toEqual({ ping: 'redis' })
    await admin.replicaof('NO', 'ONE')
    await recovery(calls)
    admin.disconnect()
  })

  test('full: writes fail, and so does the ping', async () => {
    const admin = new Redis(server.url)
    await admin.config('SET', 'maxmemory', '1')
    const writes = { putToken: calls.putToken as () => Promise<unknown>, ping: () => storage.ping() }
    expect(await outcomes(writes)).toEqual(all(writes, 'redis'))
    await admin.config('SET', 'maxmemory', '0')
    expect(await outcomes(writes)).toEqual(all(writes, 'answered'))
    admin.disconnect()
  })

  test('a consumer that was refused while the server was away did not use up the payload', {
    timeout: 40_000,
  }, async () => {
    await server.stop()
    const refused = storage.state.live.takeRecord('kept')
    await expect(refused).rejects.toBeInstanceOf(StoreUnavailable)
    await server.start()
    const admin = new Redis(server.url)
    await admin.set('kc:l:okept', 'payload')
    await recovery(calls)
    expect(await admin.get('kc:l:okept')).toBe('payload')
    expect(await storage.state.live.takeRecord('kept')).toBe('payload')
    admin.disconnect()
  })

  test('what it tells the log names no key and no argument', async () => {
    const admin = new Redis(server.url)
    await admin.lpush('kc:l:owrong', 'a list')
    const error = await storage.state.live.takeRecord('wrong').catch((caught: unknown) => caught)
    expect(error).toBeInstanceOf(StoreUnavailable)
    expect(JSON.stringify(pino.stdSerializers.err(error as Error))).not.toContain('kc:l:')
    admin.disconnect()
  })
})

describe.each([
  { name: 'Sentinel: the master dies, its replica takes over', start: startSentinel },
  { name: 'Redis Cluster: a master dies and comes back', start: startRedisCluster, comesBack: true },
])('$name', ({ start, comesBack }) => {
  let redis: RedisSet
  let storage: Storage

  beforeAll(async () => {
    redis = await start()
    const settings = { databaseUrl: await createTestDatabase(), redisUrl: redis.url, dataDir: '' }
    storage = await openStorage(settings, { clock, log })
  })
  afterAll(async () => {
    await storage.close()
    await redis.remove()
  })

  test('calls fail in time, then answer again', { timeout: 60_000 }, async () => {
    // Many keys each, so that every master of a cluster is asked.
    const calls = Object.fromEntries(
      Array.from({ length: 10 }, (_, round) =>
        Object.entries(redisCallsOf(storage.state.live)).map(([name, call]) => [`${name} ${round}`, call] as const),
      ).flat(),
    )
    await recovery(calls)
    const [first] = redis.nodes as [TestServer]
    await first.stop()
    expect(Object.values(await outcomes(calls))).toContain('redis')
    if (comesBack) await first.start()
    await recovery(calls)
    expect(await storage.state.live.remember('after the failure', soon())).toBe(true)
    expect(await storage.state.live.remember('after the failure', soon())).toBe(false)
  })
})

describe('a start with a store away', () => {
  const unreachable = 'the-password@127.0.0.1:1'

  test('fails with a sentence about DATABASE_URL', async () => {
    const settings = { databaseUrl: `postgresql://user:${unreachable}/kc`, redisUrl: undefined, dataDir: '' }
    const error = await openStorage(settings, { clock, log }).catch((caught: Error) => caught)
    expect(String(error)).toMatch(/^Error: DATABASE_URL: PostgreSQL can't be reached or used \(.*ECONNREFUSED/)
    expect(String(error)).not.toContain('the-password')
  })

  test('fails with a sentence about REDIS_URL', async () => {
    const settings = { databaseUrl: await createTestDatabase(), redisUrl: `redis://user:${unreachable}`, dataDir: '' }
    const error = await openStorage(settings, { clock, log }).catch((caught: Error) => caught)
    expect(String(error)).toMatch(/^Error: REDIS_URL: Redis can't be reached or used \(.*ECONNREFUSED/)
    expect(String(error)).not.toContain('the-password')
  })

  test('fails when the password is wrong, and works when it is right, whatever is in it', async () => {
    const password = 'p@ss/w:rd %?'
    const redis = await startRedis('--requirepass', password)
    const databaseUrl = await createTestDatabase()
    const at = (secret: string) => ({
      databaseUrl,
      redisUrl: redis.url.replace('//', `//:${encodeURIComponent(secret)}@`),
      dataDir: '',
    })
    const error = await openStorage(at('the-password'), { clock, log }).catch((caught: Error) => caught)
    expect(String(error)).toMatch(/^Error: REDIS_URL: Redis can't be reached or used \(WRONGPASS/)
    expect(String(error)).not.toContain('the-password')
    const storage = await openStorage(at(password), { clock, log })
    await storage.state.live.ping()
    await storage.close()
    await redis.remove()
  })

  test('does not wait for ever for a server that is stalled', async () => {
    const redis = await startRedis()
    redis.suspend()
    const settings = { databaseUrl: await createTestDatabase(), redisUrl: redis.url, dataDir: '' }
    await expect(openStorage(settings, { clock, log })).rejects.toThrow("REDIS_URL: Redis can't be reached or used")
    redis.resume()
    await redis.remove()
  })
})
