import { randomBytes } from 'node:crypto'
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import type { Storage } from '../../server/storage/open.ts'
import { connectRedis, type RedisConnection, redisReady } from '../../server/storage/redis/connection.ts'
import { createRedisStateStore } from '../../server/storage/redis/state-store.ts'
import type { StateStore } from '../../server/storage/state-store.ts'
import { createSweep } from '../../server/storage/sweeper.ts'
import { createTestClock } from '../clock.ts'
import { describeDeployment, describeStateStores, type TestStorage } from '../deployments.ts'

const HOUR = 3_600_000
const fresh = () => randomBytes(32).toString('base64url')

describeStateStores('the state store', (open, deployment) => {
  const clock = createTestClock()
  let opened: TestStorage
  let here: StateStore
  let there: StateStore
  let otherMode: StateStore

  beforeAll(async () => {
    opened = await open({ clock })
    here = opened.nodes[0].state.live
    there = opened.nodes[1].state.live
    otherMode = opened.nodes[0].state.test
  })

  /** Half of the calls through each node. */
  const race = <T>(attempt: (node: StateStore) => Promise<T>): Promise<T[]> =>
    Promise.all(Array.from({ length: 50 }, (_, at) => attempt(at % 2 ? there : here)))

  describe('events', () => {
    /** All that are pending, in order, and removed. */
    async function drained(node: StateStore): Promise<string[]> {
      const all: string[] = []
      for (;;) {
        const { events, handles } = await node.pendingEvents(50)
        if (!events.length) return all
        all.push(...events)
        await node.removeEvents(handles)
      }
    }

    test('are there for every node, in the order of one node, until they are removed', async () => {
      const sent = Array.from({ length: 120 }, (_, at) => `${at} ${fresh()} "é\u2028'`)
      for (const event of sent.slice(0, 20)) await here.recordEvent(event)
      expect(await there.pendingEvents(7)).toMatchObject({ events: sent.slice(0, 7), more: true })
      await Promise.all(sent.slice(20).map((event) => here.recordEvent(event)))
      expect(await otherMode.pendingEvents(10)).toEqual({ events: [], handles: [], more: false })
      const { events } = await there.pendingEvents(30)
      expect(events).toEqual(sent.slice(0, events.length))
      expect(events.length).toBeGreaterThanOrEqual(30)
      expect((await there.pendingEvents(30)).events).toEqual(events)
      expect(await drained(there)).toEqual(sent)
      expect(await drained(here)).toEqual([])
    })

    test('that come while others are removed stay', async () => {
      await here.recordEvent('before')
      const { handles, more } = await there.pendingEvents(10)
      expect(more).toBe(false)
      await here.recordEvent('after')
      await Promise.all([here.removeEvents(handles), there.removeEvents(handles), here.removeEvents([])])
      expect(await drained(there)).toEqual(['after'])
    })

    test('go out with what else the turn writes and reads', async () => {
      const digest = fresh()
      const both = Promise.all([here.putToken(digest, 'record', clock.now() + HOUR), here.recordEvent('minted')])
      await Promise.all([both, here.findToken(fresh())])
      expect([await there.findToken(digest), await drained(there)]).toEqual(['record', ['minted']])
    })

    test('of both nodes at once, all are there', async () => {
      await race((node) => node.recordEvent(node === here ? 'here' : 'there'))
      const all = await drained(here)
      expect([all.length, all.filter((event) => event === 'here').length]).toEqual([
        50,
        deployment === 'embedded' ? 50 : 25,
      ])
    })
  })

  test('a token is found by every node until it is removed', async () => {
    const digest = fresh()
    expect(await here.findToken(digest)).toBeUndefined()
    await here.putToken(digest, 'the record', clock.now() + HOUR)
    expect(await there.findToken(digest)).toBe('the record')
    expect(await there.removeToken(digest)).toBe(true)
    expect(await here.findToken(digest)).toBeUndefined()
    expect(await here.removeToken(digest)).toBe(false)
  })

  test('of 50 concurrent removals of a token one removed it', async () => {
    const digest = fresh()
    await here.putToken(digest, 'record', clock.now() + HOUR)
    expect((await race((node) => node.removeToken(digest))).filter(Boolean)).toHaveLength(1)
  })

  test('of 50 concurrent consumers on two nodes exactly one gets the payload', async () => {
    const key = fresh()
    await here.putRecord(key, 'payload', clock.now() + HOUR)
    const got = await race((node) => node.takeRecord(key))
    expect(got.filter((payload) => payload !== undefined)).toEqual(['payload'])
    expect(await here.takeRecord(key)).toBeUndefined()
  })

  test('of 50 concurrent callers on two nodes exactly one is the first to remember', async () => {
    const key = fresh()
    expect((await race((node) => node.remember(key, clock.now() + HOUR))).filter(Boolean)).toHaveLength(1)
    expect(await there.remember(key, clock.now() + HOUR)).toBe(false)
  })

  test('of 50 concurrent swaps on two nodes that saw the same record exactly one is made', async () => {
    const key = fresh()
    const until = clock.now() + HOUR
    await here.putRecord(key, 'before', until)
    let at = 0
    const made = await race((node) => node.swapRecord(key, 'before', `after ${at++}`, until))
    expect(made.filter(Boolean)).toHaveLength(1)
    expect(await there.findRecord(key)).toBe(`after ${made.indexOf(true)}`)
    expect(await there.swapRecord(key, 'before', 'late', until)).toBe(false)
  })

  test('a swap makes no record where there is none, and putting one replaces what is there', async () => {
    const key = fresh()
    const until = clock.now() + HOUR
    expect(await here.swapRecord(key, '', 'record', until)).toBe(false)
    expect(await here.findRecord(key)).toBeUndefined()
    await here.putRecord(key, 'one', until)
    await there.putRecord(key, 'two', until)
    expect(await here.findRecord(key)).toBe('two')
    await here.putRecord(key, 'over', clock.now())
    expect(await there.findRecord(key)).toBeUndefined()
  })

  test('no failure of 50 concurrent ones is lost, and the window begins with the first', async () => {
    const key = fresh()
    const counts = await race((node) => node.countFailure(key, HOUR))
    expect(counts.map(({ count }) => count).sort((a, b) => a - b)).toEqual(
      Array.from({ length: 50 }, (_, at) => at + 1),
    )
    const { count, resetsAt } = await there.countFailure(key, HOUR)
    expect(count).toBe(51)
    // Redis counts the window by its own clock.
    expect(resetsAt).toBeGreaterThan(clock.now() + HOUR - 60_000)
    expect(resetsAt).toBeLessThanOrEqual(clock.now() + HOUR)
  })

  test('of 50 concurrent counts by seven no two see the same', async () => {
    const key = fresh()
    const counts = await race((node) => node.countFailure(key, HOUR, 7))
    expect(counts.map(({ count }) => count).sort((a, b) => a - b)).toEqual(
      Array.from({ length: 50 }, (_, at) => (at + 1) * 7),
    )
    const { count, resetsAt } = await there.countFailure(key, HOUR)
    expect(count).toBe(351)
    expect(resetsAt).toBeGreaterThan(clock.now() + HOUR - 60_000)
  })

  test('one mode sees nothing of the other', async () => {
    const key = fresh()
    const until = clock.now() + HOUR
    await here.putToken(key, 'live', until)
    await here.putRecord(key, 'live', until)
    await here.remember(key, until)
    await here.countFailure(key, HOUR)
    await here.raiseStandings([{ ref: key, version: 1, epoch: 1 }])

    expect(await otherMode.findToken(key)).toBeUndefined()
    expect(await otherMode.removeToken(key)).toBe(false)
    expect(await otherMode.takeRecord(key)).toBeUndefined()
    expect((await otherMode.countFailure(key, HOUR)).count).toBe(1)
    expect(await otherMode.standings([key])).toEqual([undefined])
    expect(await otherMode.remember(key, until)).toBe(true)
    expect(await here.findToken(key)).toBe('live')
    expect(await here.takeRecord(key)).toBe('live')
  })

  test('keys of one kind are not keys of another', async () => {
    const key = fresh()
    await here.remember(key, clock.now() + HOUR)
    expect(await here.findToken(key)).toBeUndefined()
    expect(await here.takeRecord(key)).toBeUndefined()
    expect((await here.countFailure(key, HOUR)).count).toBe(1)
  })

  test('what has expired by the clock when it is written is not kept', async () => {
    const key = fresh()
    await here.putToken(key, 'record', clock.now())
    await here.putRecord(key, 'payload', clock.now() - 1)
    expect(await here.findToken(key)).toBeUndefined()
    expect(await here.takeRecord(key)).toBeUndefined()
    expect(await here.remember(key, clock.now())).toBe(true)
    expect(await here.remember(key, clock.now() + HOUR)).toBe(true)
  })

  test('texts come back as they went in', async () => {
    const record = 'quote \' " \\ % $1 ? :x \u{1f511} \u00e9 \n\t'
    const key = fresh()
    await here.putToken(key, record, clock.now() + HOUR)
    await here.putRecord(key, record, clock.now() + HOUR)
    expect(await there.findToken(key)).toBe(record)
    expect(await there.takeRecord(key)).toBe(record)
  })

  test('it answers a ping', async () => {
    await expect(opened.nodes[0].ping()).resolves.toBeUndefined()
    await expect(otherMode.ping()).resolves.toBeUndefined()
  })

  if (deployment === 'embedded' || deployment === 'database') describeTables()
  else describeRedis()

  function describeTables() {
    test('standings are those of the table, of this mode', async () => {
      const ref = fresh()
      await makeStanding(opened.nodes[0], ref)
      await here.raiseStandings([{ ref, version: 9, epoch: 9 }])
      expect(await there.standings([fresh(), ref])).toEqual([undefined, { ref, version: 3, epoch: 2 }])
      expect(await otherMode.standings([ref])).toEqual([undefined])
      expect(await here.standings([])).toEqual([])
    })

    test('everything ends when the clock says so', async () => {
      const ticking = createTestClock(clock.now())
      const { nodes } = await open({ clock: ticking })
      const state = nodes[0].state.live
      const key = fresh()
      const until = ticking.now() + 1_000
      await state.putToken(key, 'record', until)
      await state.putRecord(key, 'payload', until)
      await state.remember(key, until)
      await state.countFailure(key, 1_000)
      ticking.advance(999)
      expect(await state.findToken(key)).toBe('record')
      expect(await state.remember(key, until)).toBe(false)
      expect(await state.countFailure(key, 1_000)).toEqual({ count: 2, resetsAt: until })
      ticking.advance(1)
      expect(await state.findToken(key)).toBeUndefined()
      // It may not be over by the clock of another node: what is revoked is taken from that one too.
      expect(await state.removeToken(key)).toBe(true)
      expect(await state.takeRecord(key)).toBeUndefined()
      expect(await state.remember(key, until + 1_000)).toBe(true)
      expect(await state.countFailure(key, 1_000)).toEqual({ count: 1, resetsAt: until + 1_000 })
    })
  }

  function describeRedis() {
    let redis: RedisConnection

    beforeAll(async () => {
      redis = connectRedis(opened.settings.redisUrl as string)
      await redisReady(redis, 5_000)
      return () => redis.disconnect()
    })

    test('everything is given to Redis with its lifetime by the clock', async () => {
      const key = fresh()
      await here.putToken(key, 'record', clock.now() + 10_000)
      await here.putRecord(key, 'payload', clock.now() + 20_000)
      await here.remember(key, clock.now() + 30_000)
      await here.countFailure(key, 40_000)
      await here.countFailure(key, 90_000)
      const lifetimes = await Promise.all([...'aorf'].map((kind) => redis.pttl(`kc:l:${kind}${key}`)))
      for (const [at, lifetime] of [10_000, 20_000, 30_000, 40_000].entries()) {
        expect(lifetimes[at]).toBeLessThanOrEqual(lifetime)
        expect(lifetimes[at]).toBeGreaterThan(lifetime - 5_000)
      }
    })

    test('a standing ends after two minutes, and is due before: those that came together, each at a time of its own', async () => {
      const refs = Array.from({ length: 50 }, fresh)
      await here.raiseStandings(refs.map((ref) => ({ ref, version: 1, epoch: 1 })))
      const lifetimes = await Promise.all(refs.map((ref) => redis.pttl(`kc:l:s${ref}`)))
      expect(Math.min(...lifetimes)).toBeGreaterThan(115_000)
      expect(Math.max(...lifetimes)).toBeLessThanOrEqual(120_000)

      const dueAfter = async (seconds: number) => {
        const later = createRedisStateStore({ redis, mode: 'live', clock: { now: () => clock.now() + seconds * 1000 } })
        return (await later.standings(refs)).filter((standing) => standing?.isDue).length
      }
      expect([await dueAfter(0), await dueAfter(44)]).toEqual([0, 0])
      const halfWay = await dueAfter(67)
      expect(halfWay).toBeGreaterThan(5)
      expect(halfWay).toBeLessThan(45)
      expect(await dueAfter(91)).toBe(50)
    })

    test('the events of one turn are one entry of the stream per thousand, and once they are removed it takes no room', async () => {
      await Promise.all(Array.from({ length: 5_000 }, (_, at) => here.recordEvent(`${at} ${'x'.repeat(400)}`)))
      expect(await redis.xlen('kc:l:e')).toBe(5)
      for (let at = 0; at < 200; at++) await here.recordEvent(`${at} ${'x'.repeat(400)}`)
      expect(await redis.xlen('kc:l:e')).toBe(205)
      expect(await redis.memory('USAGE', 'kc:l:e', 'SAMPLES', 0)).toBeGreaterThan(2e6)
      for (;;) {
        const { handles } = await there.pendingEvents(500)
        if (!handles.length) break
        await there.removeEvents(handles)
      }
      expect(await redis.xlen('kc:l:e')).toBe(0)
      expect(await redis.memory('USAGE', 'kc:l:e', 'SAMPLES', 0)).toBeLessThan(2_000)
    })

    test('a live token takes at most 400 bytes', async () => {
      const key = fresh()
      await here.putToken(key, 'x'.repeat(190), clock.now() + HOUR)
      const bytes = await redis.memory('USAGE', `kc:l:a${key}`)
      expect(bytes).toBeGreaterThan(200)
      // MEMORY USAGE leaves out the entry of the table of lifetimes and the share of the buckets of both tables.
      expect(Number(bytes) + 24 + 4 * 8).toBeLessThanOrEqual(400)
    })

    test('standings come in the order asked; one that was forgotten is unknown to every node', async () => {
      const [a, b, c] = [fresh(), fresh(), fresh()]
      const standings = [a, c].map((ref) => ({ ref, version: 4, epoch: 2 }))
      await here.raiseStandings(standings)
      expect(await there.standings([a, b, c])).toEqual([standings[0], undefined, standings[1]])
      await here.forgetStandings([a, b])
      expect(await there.standings([c, a])).toEqual([standings[1], undefined])
      expect(await here.standings([])).toEqual([])
      await here.forgetStandings([])
      await here.raiseStandings([])
    })

    test('a newer standing replaces an older one, never the reverse, in any order of arrival', async () => {
      const ref = fresh()
      // 9 and 10: by number, not by text.
      await here.raiseStandings([{ ref, version: 10, epoch: 3 }])
      await there.raiseStandings([{ ref, version: 9, epoch: 2 }])
      expect(await here.standings([ref])).toEqual([{ ref, version: 10, epoch: 3 }])
      await there.raiseStandings([{ ref, version: 11, epoch: 4 }])
      expect(await here.standings([ref])).toEqual([{ ref, version: 11, epoch: 4 }])

      const raced = fresh()
      await Promise.all(
        Array.from({ length: 50 }, (_, at) =>
          (at % 2 ? there : here).raiseStandings([{ ref: raced, version: ((at * 7) % 50) + 1, epoch: at }]),
        ),
      )
      expect((await here.standings([raced]))[0]?.version).toBe(50)
    })

    test('a standing that is read anew lives anew; by an older one nothing does', async () => {
      const ref = fresh()
      await here.raiseStandings([{ ref, version: 2, epoch: 1 }])
      await redis.pexpire(`kc:l:s${ref}`, 50_000)
      await there.raiseStandings([{ ref, version: 1, epoch: 1 }])
      expect(await redis.pttl(`kc:l:s${ref}`)).toBeLessThanOrEqual(50_000)
      await there.raiseStandings([{ ref, version: 2, epoch: 1 }])
      expect(await redis.pttl(`kc:l:s${ref}`)).toBeGreaterThan(100_000)
    })

    test('there is nothing to sweep', async () => {
      expect(await here.sweep(100)).toBe(0)
    })
  }
})

async function makeStanding({ database }: Storage, ref: string): Promise<void> {
  const tenantId = fresh()
  await database.tenant.create({
    data: { id: tenantId, name: tenantId, plan: 'standard', status: 'active', createdAt: new Date() },
  })
  await database.standing.create({ data: { ref, tenantId, mode: 'live', kind: 'client', version: 3, epoch: 2 } })
}

// With Redis, tokens are not rows: it forgets by itself.
describe.each(['embedded', 'database'] as const)('growth', (only) => {
  describeDeployment(only, 'of tables', (open) => {
    test('expired rows are swept, and their room is used again', { timeout: 60_000 }, async () => {
      // What is swept is over by the database's clock as well.
      const clock = createTestClock(Date.now() - 3_600_000)
      const { nodes, settings } = await open({ clock })
      const [{ database, state, vacuum }] = nodes
      const sweep = createSweep({ stores: Object.values(state), vacuum })
      // The room must be given back by our own vacuum. An autovacuum at the same moment would help, or, with its snapshot, hinder.
      await database.$executeRaw`ALTER TABLE access_token SET (autovacuum_enabled = false)`
      const sizes: number[] = []
      const rows = 4_000
      for (let round = 0; round < 8; round++) {
        // Put by SQL: the statements of the store are tested above, here it is about what they leave behind.
        for (const mode of ['live', 'test']) {
          await database.$executeRaw`
          INSERT INTO access_token (mode, digest, record, expires_at)
          SELECT ${mode}, md5(${String(round)}::text || n), repeat('x', 190), ${new Date(clock.now() + 1_000)}
          FROM generate_series(1, ${rows / 2}::int) n`
        }
        expect(await sweep.run()).toBe(0)
        clock.advance(1_000)
        expect(await sweep.run()).toBe(rows)
        sizes.push(await sizeOf(nodes[0], 'access_token'))
      }
      expect(await database.accessToken.count()).toBe(0)
      // Not the first round: index pages that a vacuum empties are used again after the next one. Were the room never
      // used again, the last round would have four times the second's.
      expect(sizes.at(-1)).toBeLessThan((sizes[1] as number) * 2)
      // Embedded: the log is trimmed as well. It is never smaller than two segments of 16 MB.
      if (!settings.databaseUrl) expect(await bytesIn(join(settings.dataDir, 'pgdata', 'pg_wal'))).toBeLessThan(100e6)
    })
  })
})

async function sizeOf({ database }: Storage, table: string): Promise<number> {
  const [row] = await database.$queryRaw<{ size: bigint }[]>`SELECT pg_total_relation_size(${table}::regclass) AS size`
  return Number(row?.size)
}

async function bytesIn(directory: string): Promise<number> {
  const names = await readdir(directory)
  const sizes = await Promise.all(names.map(async (name) => (await stat(join(directory, name))).size))
  return sizes.reduce((sum, size) => sum + size, 0)
}

describe('the sweep', () => {
  test('goes on in batches until one is not full, and vacuums after much was removed', async () => {
    const batches = [500, 500, 499, 500, 500, 500, 0]
    let vacuums = 0
    const sweep = createSweep({
      stores: [{ sweep: async () => batches.shift() as number }],
      vacuum: async () => {
        vacuums += 1
      },
    })
    expect(await sweep.run()).toBe(1_499)
    expect(vacuums).toBe(0)
    expect(await sweep.run()).toBe(1_500)
    expect(vacuums).toBe(1)
  })

  test('vacuums now and then although nothing was removed', async () => {
    let vacuums = 0
    const sweep = createSweep({
      stores: [{ sweep: async () => 0 }],
      vacuum: async () => {
        vacuums += 1
      },
    })
    for (let run = 0; run < 20; run++) await sweep.run()
    expect(vacuums).toBe(2)
  })
})
