import { setTimeout as pause } from 'node:timers/promises'
import pg from 'pg'
import { systemClock } from '../../server/clock.ts'
import { encodeToken } from '../../server/oauth/token-record.ts'
import { openStorage, withClient } from '../../server/storage/open.ts'
import { createSweep } from '../../server/storage/sweeper.ts'
import { createLog } from '../../server/telemetry/log.ts'
import type { Memory } from '../results.ts'
import type { World } from '../world.ts'

const MOST_VACUUMS = 10
/** Milliseconds. */
const VACUUM_PAUSE = 1_000

/**
 * The deployment without Redis: how large the whole database is before, with `tokens` that are over, when they were swept,
 * and after as many more. Their rows are written by one statement, as the server writes them one by one.
 */
export async function databaseGrowth(world: World, tokens: number): Promise<Memory['database']> {
  const databaseUrl = await createDatabase(world.postgresUrl, 'bench_database')
  const log = createLog({ level: 'warn' })
  const storage = await openStorage(
    { databaseUrl, redisUrl: undefined, dataDir: world.dir },
    { clock: systemClock, log },
  )
  try {
    await storage.migrate()
    const sweep = createSweep({ stores: Object.values(storage.state), vacuum: storage.vacuum })
    const size = () => sizeOf(databaseUrl)
    const fill = (seed: string) => writeTokens(databaseUrl, world.issuer, tokens, seed)

    /** As the server goes on to do. PostgreSQL's own vacuum may be at it, and then ours passes the table by. */
    const vacuumed = async () => {
      for (let each = 0; each < MOST_VACUUMS; each++) {
        const sizeBefore = await size()
        await storage.vacuum()
        if ((await size()) === sizeBefore && each > 0) break
        await pause(VACUUM_PAUSE)
      }
      return size()
    }

    const before = await vacuumed()
    await fill('first')
    const full = await size()
    const began = performance.now()
    await sweep.run()
    const sweepSeconds = (performance.now() - began) / 1000
    const swept = await vacuumed()
    await fill('second')
    await sweep.run()
    return { tokens, before, with: full, swept, sweptAgain: await vacuumed(), sweepSeconds }
  } finally {
    await storage.close()
  }
}

async function createDatabase(server: string, name: string): Promise<string> {
  const client = new pg.Client({ connectionString: server })
  await client.connect()
  await client.query(`CREATE DATABASE ${name}`)
  await client.end()
  return Object.assign(new URL(server), { pathname: `/${name}` }).href
}

const sizeOf = (databaseUrl: string): Promise<number> =>
  withClient(databaseUrl, async ({ query }) => {
    const [row] = await query('SELECT pg_database_size(current_database()) AS bytes')
    return Number(row?.bytes)
  })

/** Over since up to an hour ago, under digests as random as ours. */
async function writeTokens(databaseUrl: string, issuer: string, count: number, seed: string): Promise<void> {
  const now = Math.floor(Date.now() / 1000)
  const record = encodeToken({
    ...{ clientId: 'tk_abcdefghijkl', tenantId: 'ten_abcdefghijklmnop', scope: 'api-keys:read', audience: issuer },
    ...{ iat: now - 3600, exp: now, epoch: 1, jkt: undefined },
    ...{ delegation: undefined, workload: undefined, act: undefined, lineage: undefined },
  })
  await withClient(databaseUrl, ({ execute }) =>
    execute(
      `INSERT INTO access_token (mode, digest, record, expires_at)
       SELECT 'live', rtrim(encode(sha256(('${seed}' || n)::bytea), 'base64'), '='), '${record}',
              now() - random() * interval '1 hour'
       FROM generate_series(1, ${count}) AS n`,
    ),
  )
}
