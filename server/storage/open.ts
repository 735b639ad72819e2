import type { PGlite } from '@electric-sql/pglite'
import pg from 'pg'
import type { Logger } from 'pino'
import { type MigrationConnection, migrate } from '../../prisma/migrate.ts'
import type { Clock } from '../clock.ts'
import type { Mode } from '../mode/mode.ts'
import type { Settings } from '../settings.ts'
import { type Database, openEmbedded, openPostgres } from './database.ts'
import { openEmbeddedDatabase } from './embedded.ts'
import { createPostgresStateStore, SHORT_LIVED } from './postgres/state-store.ts'
import { connectRedis, redisReady } from './redis/connection.ts'
import { createRedisStateStore } from './redis/state-store.ts'
import { type StateStore, StoreUnavailable } from './state-store.ts'
import { rebuildSwollenIndexes, rebuildSwollenIndexesAlone } from './swollen-indexes.ts'

export interface Storage {
  readonly database: Database
  readonly state: Record<Mode, StateStore>
  /** Brings the schema up to date; the names of the migrations applied. Safe on any number of nodes at once. */
  migrate(): Promise<string[]>
  /** Resolves if database and state answer reads and writes. @throws {StoreUnavailable} */
  ping(): Promise<void>
  /** Gives the room of swept rows back, and that of the indexes that they have swollen. */
  vacuum(): Promise<void>
  close(): Promise<void>
}

interface Needs {
  readonly clock: Clock
  readonly log: Pick<Logger, 'info' | 'warn' | 'error'>
  /** Longest wait for another process to leave the data directory, in milliseconds. */
  readonly patience?: number
}

type StorageSettings = Pick<Settings, 'databaseUrl' | 'redisUrl' | 'dataDir'>

/** What differs between the two PostgreSQLs. */
interface OpenedDatabase extends Pick<Storage, 'database' | 'migrate' | 'vacuum' | 'close'> {}

/** Milliseconds a store has to answer when the server starts. */
const START_PATIENCE = 5_000

/** Where rows come and go, or are written again and again. */
const RESTLESS = [
  ...[...SHORT_LIVED, 'secret', 'standing', 'usage_day', 'pending_event'],
  ...['sign_in_session', 'idempotent_request', 'webhook_message'],
]

/** Opens what the deployment has. @throws {Error} a sentence that names the setting, when a store can't be reached. */
export async function openStorage(settings: StorageSettings, { clock, log, patience }: Needs): Promise<Storage> {
  const opened = settings.databaseUrl
    ? await postgres(settings.databaseUrl, log)
    : await embedded(settings.dataDir, { log, ...(patience !== undefined && { patience }) })
  try {
    const { state, closeState } = await openState(settings.redisUrl, { database: opened.database, clock, log })
    return {
      ...opened,
      state,
      async ping() {
        await writable(opened.database)
        await state.live.ping()
      },
      async close() {
        closeState()
        await opened.close()
      },
    }
  } catch (error) {
    await opened.close()
    throw error
  }
}

async function openState(redisUrl: string | undefined, { database, clock, log }: Needs & { database: Database }) {
  const each = (create: (mode: Mode) => StateStore): Record<Mode, StateStore> => ({
    live: create('live'),
    test: create('test'),
  })
  if (!redisUrl) {
    return { state: each((mode) => createPostgresStateStore({ database, mode, clock })), closeState: () => {} }
  }
  const redis = connectRedis(redisUrl, log)
  const closeState = () => redis.disconnect()
  try {
    await redisReady(redis, START_PATIENCE)
  } catch (error) {
    closeState()
    throw error
  }
  return { state: each((mode) => createRedisStateStore({ redis, mode, clock })), closeState }
}

async function postgres(databaseUrl: string, log: Needs['log']): Promise<OpenedDatabase> {
  await withClient(databaseUrl, async () => {})
  const { database, close } = openPostgres(databaseUrl)
  return {
    database,
    close,
    migrate: () => withClient(databaseUrl, (client) => migrate(client)),
    // Autovacuum comes by itself, a minute or so later. SKIP_LOCKED: another node may be at it.
    vacuum: () =>
      withClient(
        databaseUrl,
        async (connection) => {
          for (const table of RESTLESS) await connection.execute(`VACUUM (SKIP_LOCKED) ${table}`)
          await rebuildSwollenIndexes(connection, RESTLESS, log)
        },
        { query_timeout: 60_000 },
      ),
  }
}

async function embedded(dataDir: string, options: Pick<Needs, 'log' | 'patience'>): Promise<OpenedDatabase> {
  const { pglite, release } = await openEmbeddedDatabase(dataDir, options)
  const { database, close } = openEmbedded(pglite, release)
  return {
    database,
    close,
    migrate: () => migrate(overPglite(pglite)),
    async vacuum() {
      // One statement per call: PGlite runs several as one transaction, where neither is allowed.
      for (const table of RESTLESS) await pglite.exec(`VACUUM ${table}`)
      await rebuildSwollenIndexesAlone(overPglite(pglite), RESTLESS)
      await pglite.exec('CHECKPOINT')
    },
  }
}

export const overPglite = (pglite: PGlite): MigrationConnection => ({
  execute: async (sql) => {
    await pglite.exec(sql)
  },
  query: async (sql) => (await pglite.query<Record<string, unknown>>(sql)).rows,
})

/** A connection of its own, without the deadlines of requests. @throws {Error} a sentence, when there is none to be had. */
export async function withClient<T>(
  databaseUrl: string,
  work: (connection: MigrationConnection) => Promise<T>,
  limits: Pick<pg.ClientConfig, 'query_timeout'> = {},
): Promise<T> {
  const client = new pg.Client({
    connectionString: databaseUrl,
    connectionTimeoutMillis: START_PATIENCE,
    // Longest wait for another node's migration.
    lock_timeout: 60_000,
    application_name: 'keycourt maintenance',
    ...limits,
  })
  // Else a connection that breaks between two statements would end the process; the next statement reports it.
  client.on('error', () => {})
  try {
    await client.connect()
  } catch (error) {
    throw new Error(`DATABASE_URL: PostgreSQL can't be reached or used (${reasonOf(error)}).`, { cause: error })
  }
  try {
    return await work({
      execute: async (sql) => {
        await client.query(sql)
      },
      query: async (sql) => (await client.query<Record<string, unknown>>(sql)).rows,
    })
  } finally {
    await client.end()
  }
}

/** A host with several addresses fails with an AggregateError, which has a code but no message. */
const reasonOf = (error: unknown): string => {
  const { message, code } = error as NodeJS.ErrnoException
  return message || code || 'no answer'
}

/** A standby, or a server that lost its disk, answers reads. */
async function writable(database: Database): Promise<void> {
  const [row] = await database.$queryRaw<{ readOnly: string }[]>`
    SELECT current_setting('transaction_read_only') AS "readOnly"`
  if (row?.readOnly !== 'off') throw new StoreUnavailable('database', new Error('the database is read-only'))
}
