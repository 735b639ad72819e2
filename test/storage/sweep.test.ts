import { expect, test, vi } from 'vitest'
import { createSweep } from '../../server/storage/sweeper.ts'
import { createTestClock } from '../clock.ts'
import { describeDeployment } from '../deployments.ts'

describeDeployment('database', 'a large sweep', (open) => {
  test('reads what is over about once, and what lives on never', { timeout: 60_000 }, async () => {
    const clock = createTestClock()
    const [{ database, state }] = (await open({ clock })).nodes
    // As an embedded database, which nothing analyses: by what PostgreSQL guesses then.
    await database.$executeRaw`ALTER TABLE access_token SET (autovacuum_enabled = false)`
    for (const [mode, rows, end] of [
      ['live', 20_000, '1 day'],
      ['test', 3_000, '-1 day'],
      ['live', 10_000, '-1 hour'],
    ] as const) {
      await database.$executeRaw`
        INSERT INTO access_token
        SELECT ${mode}, sha256((n || ${end})::bytea)::text, '', ${new Date(clock.now())}::timestamptz + ${end}::interval
        FROM generate_series(1, ${rows}::int) n`
    }
    const before = await rowsRead()
    expect(await createSweep({ stores: [state.live], vacuum: async () => {} }).run()).toBe(10_000)
    // Each connection reports what it read a while after it did.
    const read = await vi.waitFor(
      async () => {
        const { scans, rows } = await rowsRead()
        expect(scans - before.scans).toBeGreaterThanOrEqual(21)
        return rows - before.rows
      },
      { timeout: 20_000, interval: 200 },
    )
    // The other mode's that are over lie in the way of each batch.
    expect(read).toBeLessThan(10_000 + 22 * 3_000 + 25_000)
    expect(await database.accessToken.count()).toBe(23_000)

    async function rowsRead() {
      const [row] = await database.$queryRaw<{ scans: bigint; rows: bigint }[]>`
        SELECT sum(idx_scan) + (SELECT seq_scan FROM pg_stat_user_tables WHERE relname = 'access_token') AS scans,
          sum(idx_tup_read) + (SELECT seq_tup_read FROM pg_stat_user_tables WHERE relname = 'access_token') AS rows
        FROM pg_stat_user_indexes WHERE relname = 'access_token'`
      return { scans: Number(row?.scans), rows: Number(row?.rows) }
    }
  })
})
