import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { ADVISORY_LOCK } from '../../prisma/advisory-locks.ts'
import type { Database } from '../../server/storage/database.ts'
import { withClient } from '../../server/storage/open.ts'
import { createSweep } from '../../server/storage/sweeper.ts'
import { rebuildSwollenIndexes } from '../../server/storage/swollen-indexes.ts'
import { createTestClock } from '../clock.ts'
import { describeDeployment, type TestStorage } from '../deployments.ts'

const HOUR = 3_600_000
const MEGABYTE = 2 ** 20
const fresh = () => randomBytes(32).toString('base64url')

/** What is swept is over by the database's clock as well. */
const clock = createTestClock(Date.now() - HOUR)

// With Redis, tokens are not rows.
describe.each(['embedded', 'database'] as const)('indexes', (only) => {
  describeDeployment(only, 'of what was swept', (open) => {
    const rows = only === 'embedded' ? 15_000 : 100_000
    let opened: TestStorage

    beforeAll(async () => {
      opened = await open({ clock })
      await withoutAutovacuum(opened.nodes[0].database)
    })

    test('return to the size they had', { timeout: 60_000 }, async () => {
      const [{ database, state, vacuum }] = opened.nodes
      const before = await sizesOf(database)
      await writeTokens(database, rows, new Date(clock.now() - 1))
      const full = await sizesOf(database)
      expect(full.access_token_pkey).toBeGreaterThan(before.access_token_pkey * 100)

      expect(await createSweep({ stores: [state.live], vacuum }).run()).toBe(rows)
      const { access_token_pkey: byDigest, access_token_expires_at_idx: byEnd } = await sizesOf(database)
      expect(byDigest).toBeLessThanOrEqual(before.access_token_pkey * 2)
      // Of the embedded database's few rows this one is no larger than it may always be.
      expect(byEnd).toBeLessThanOrEqual(
        full.access_token_expires_at_idx > MEGABYTE ? before.access_token_pkey * 2 : MEGABYTE,
      )
    })

    test('find the rows that live on, and let none in twice', { timeout: 60_000 }, async () => {
      const [here, there] = opened.nodes
      const live = Array.from({ length: 500 }, fresh)
      for (const digest of live) await here.state.live.putToken(digest, digest, clock.now() + 2 * HOUR)
      await writeTokens(here.database, 15_000, new Date(clock.now() - 1))
      await here.database.$executeRaw`DELETE FROM access_token WHERE record = ''`
      await here.vacuum()
      expect((await sizesOf(here.database)).access_token_pkey).toBeLessThan(MEGABYTE / 4)
      for (const digest of live) expect(await there.state.live.findToken(digest)).toBe(digest)
      await there.state.live.putToken(live[0] as string, 'another', clock.now() + 2 * HOUR)
      expect(await here.database.accessToken.count()).toBe(live.length)
      const plan = await here.database.$queryRaw<{ 'QUERY PLAN': string }[]>`
        EXPLAIN SELECT record FROM access_token WHERE mode = 'live' AND digest = ${live[1]}`
      expect(JSON.stringify(plan)).toContain('access_token_pkey')
    })

    test('are left alone while rows fill them', { timeout: 60_000 }, async () => {
      const [{ database, vacuum }] = opened.nodes
      await writeTokens(database, 15_000, new Date(clock.now() + 2 * HOUR))
      const before = await sizesOf(database)
      expect(before.access_token_pkey).toBeGreaterThan(MEGABYTE)
      await vacuum()
      expect(await sizesOf(database)).toEqual(before)
    })
  })
})

describeDeployment('database', 'swollen indexes of all that is short-lived', (open) => {
  test('are rebuilt', { timeout: 60_000 }, async () => {
    const [{ database, vacuum }] = (await open({ clock })).nodes
    const tables = ['state_record', 'replay_memory', 'failure_count', 'pending_event']
    for (const table of tables) await withoutAutovacuum(database, table)
    await database.$executeRaw`
      INSERT INTO state_record SELECT 'live', sha256(n::text::bytea)::text, '', now() FROM generate_series(1, 30000) n`
    await database.$executeRaw`
      INSERT INTO replay_memory SELECT 'live', sha256(n::text::bytea)::text, now() FROM generate_series(1, 30000) n`
    await database.$executeRaw`
      INSERT INTO failure_count SELECT 'live', sha256(n::text::bytea)::text, 1, now() FROM generate_series(1, 30000) n`
    await database.$executeRaw`
      INSERT INTO pending_event (mode, event) SELECT 'live', '' FROM generate_series(1, 60000)`
    for (const table of tables) {
      expect(Math.max(...Object.values(await sizesOf(database, table)))).toBeGreaterThan(MEGABYTE)
      await database.$executeRawUnsafe(`DELETE FROM ${table}`)
    }
    await vacuum()
    for (const table of tables) {
      for (const size of Object.values(await sizesOf(database, table))) expect(size).toBeLessThanOrEqual(MEGABYTE)
    }
  })
})

describeDeployment('database', 'a rebuild', (open) => {
  let databaseUrl: string
  let opened: TestStorage
  let database: Database

  beforeAll(async () => {
    opened = await open({ clock })
    database = opened.nodes[0].database
    databaseUrl = opened.settings.databaseUrl as string
    await withoutAutovacuum(database)
  })
  beforeEach(async () => {
    await writeTokens(database, 30_000, new Date())
    await database.$executeRaw`DELETE FROM access_token`
    await withClient(databaseUrl, ({ execute }) => execute('VACUUM access_token'))
    expect(await digestIndex()).toBeGreaterThan(2 * MEGABYTE)
  })

  const digestIndex = async () => (await sizesOf(database)).access_token_pkey
  const invalid = () => database.$queryRaw`SELECT indexrelid::regclass::text FROM pg_index WHERE NOT indisvalid`

  /** As the vacuum does it; what it logs. */
  async function rebuild(): Promise<unknown[]> {
    const logged: unknown[] = []
    const log = { warn: (...entry: unknown[]) => logged.push(entry) }
    await withClient(databaseUrl, (connection) => rebuildSwollenIndexes(connection, ['access_token'], log as never))
    return logged
  }

  test('is made by one of all nodes that want to', async () => {
    await withClient(databaseUrl, async ({ query }) => {
      expect(await query(`SELECT pg_try_advisory_lock(${ADVISORY_LOCK.rebuiltIndexes}) AS taken`)).toEqual([
        { taken: true },
      ])
      const before = await digestIndex()
      expect(await rebuild()).toEqual([])
      expect(await digestIndex()).toBe(before)
      await query(`SELECT pg_advisory_unlock(${ADVISORY_LOCK.rebuiltIndexes})`)
    })
    expect((await Promise.all(Array.from({ length: 6 }, rebuild))).flat()).toEqual([])
    expect(await digestIndex()).toBeLessThan(MEGABYTE / 10)
    expect(await invalid()).toEqual([])
  })

  test('that a long transaction holds up keeps no request waiting, and is put off', async () => {
    const { putToken, findToken, removeToken } = opened.nodes[1].state.live
    const report = new pg.Client({ connectionString: databaseUrl })
    await report.connect()
    try {
      await report.query('BEGIN ISOLATION LEVEL REPEATABLE READ')
      await report.query('SELECT count(*) FROM access_token')

      let isOver = false
      const rebuilding = rebuild().finally(() => {
        isOver = true
      })
      let served = 0
      while (!isOver) {
        const digest = fresh()
        await putToken(digest, 'record', clock.now() + HOUR)
        expect(await findToken(digest)).toBe('record')
        expect(await removeToken(digest)).toBe(true)
        served += 1
      }
      expect(served).toBeGreaterThan(10)
      expect(await rebuilding).toMatchObject([[{ err: { code: '55P03' } }, expect.any(String)]])
      expect(await digestIndex()).toBeGreaterThan(2 * MEGABYTE)
      // That it began can't be undone either before the transaction ends: what is left of it is for the next.
      expect(await invalid()).toEqual([{ indexrelid: expect.stringMatching(/^access_token_.*_ccnew$/) }])
    } finally {
      await report.end()
    }
    expect(await rebuild()).toEqual([])
    expect(await invalid()).toEqual([])
    expect(await digestIndex()).toBeLessThan(MEGABYTE / 10)
  })

  test('leaves nothing behind when what holds it up has nothing to do with the table', async () => {
    const report = new pg.Client({ connectionString: databaseUrl })
    await report.connect()
    try {
      await report.query('BEGIN ISOLATION LEVEL REPEATABLE READ')
      await report.query('SELECT 1')
      expect(await rebuild()).toHaveLength(1)
      expect(await invalid()).toEqual([])
    } finally {
      await report.end()
    }
  })
})

async function withoutAutovacuum(database: Database, table = 'access_token') {
  await database.$executeRawUnsafe(`ALTER TABLE ${table} SET (autovacuum_enabled = false)`)
}

/** By SQL: it is about what they leave behind. */
async function writeTokens(database: Database, rows: number, expiresAt: Date) {
  const seed = fresh()
  for (let at = 0; at < rows; at += 25_000) {
    await database.$executeRaw`
      INSERT INTO access_token (mode, digest, record, expires_at)
      SELECT 'live', rtrim(encode(sha256((${seed} || n)::bytea), 'base64'), '='), '', ${expiresAt}::timestamptz - n * interval '1 ms'
      FROM generate_series(${at + 1}::int, ${Math.min(at + 25_000, rows)}::int) n`
  }
}

async function sizesOf(database: Database, table = 'access_token') {
  const rows = await database.$queryRaw<{ name: string; size: bigint }[]>`
    SELECT indexrelid::regclass::text AS name, pg_relation_size(indexrelid) AS size
    FROM pg_index WHERE indrelid = ${table}::regclass AND indisvalid`
  return Object.fromEntries(rows.map(({ name, size }) => [name, Number(size)])) as Record<string, number> &
    Record<'access_token_pkey' | 'access_token_expires_at_idx', number>
}
