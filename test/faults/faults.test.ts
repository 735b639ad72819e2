import { describe, expect, test } from 'vitest'
import { clockJumpsOnCluster } from './clock-jumps.ts'
import { type Fault, failuresOf, type Row, SMALL } from './fault.ts'
import { fullDisk } from './full-disk.ts'
import { killOneOfTwoOnCluster, killOneOfTwoOnPostgres } from './kill-one-of-two.ts'
import { killTheOnlyOne } from './kill-the-only-one.ts'
import { postgresAwayOnCluster, postgresAwayOnPostgres } from './postgres-away.ts'
import { redisAway } from './redis-away.ts'
import { redisClusterFailOver } from './redis-cluster-fail-over.ts'
import { sentinelFailOver } from './sentinel-fail-over.ts'
import { tableOf } from './table.ts'

/** As test/faults/run.ts runs them, with less load. */
async function expectNothingLost({ run }: Fault): Promise<Row[]> {
  const rows = await run(SMALL)
  expect(failuresOf(rows), tableOf(rows)).toEqual([])
  // Nothing would be lost either if nothing had been sent.
  expect(rows.filter(({ ok }) => ok).length).toBeGreaterThan(8)
  return rows
}

/** Nor if nobody had noticed the fault. */
async function expectFeltAndNothingLost(fault: Fault): Promise<void> {
  const rows = await expectNothingLost(fault)
  for (const hurt of new Set(rows.map((row) => row.hurt))) {
    const failed = rows.filter((row) => row.hurt === hurt && row.unavailable + row.cutOff > 0)
    expect(failed.length, tableOf(rows)).toBeGreaterThan(0)
  }
}

describe('faults under load', { timeout: 240_000 }, () => {
  test('kill -9 of a node, on PostgreSQL and Redis [attack 79, 80]', () =>
    expectFeltAndNothingLost(killOneOfTwoOnCluster))
  test('kill -9 of a node, on PostgreSQL alone [attack 79, 80]', () => expectFeltAndNothingLost(killOneOfTwoOnPostgres))
  test('kill -9 of the only node, on the embedded database [attack 79]', () => expectFeltAndNothingLost(killTheOnlyOne))
  test('Redis stalls, dies, is cut off [attack 77]', () => expectFeltAndNothingLost(redisAway))
  test('PostgreSQL stalls, dies, is cut off [attack 77]', () => expectFeltAndNothingLost(postgresAwayOnCluster))
  test('the same without Redis [attack 77]', () => expectFeltAndNothingLost(postgresAwayOnPostgres))
  test('Sentinel promotes a replica', () => expectFeltAndNothingLost(sentinelFailOver))
  test('Redis Cluster promotes a replica', () => expectFeltAndNothingLost(redisClusterFailOver))
  test('the clock of a node jumps by an hour [attack 78]', async () => {
    await expectNothingLost(clockJumpsOnCluster)
  })

  test('the disk of the embedded database is full', async ({ skip }) => {
    const reason = await fullDisk.cannot?.()
    if (reason) skip(reason)
    await expectFeltAndNothingLost(fullDisk)
  })
})
