import type { Logger } from 'pino'
import { ADVISORY_LOCK } from '../../prisma/advisory-locks.ts'
import type { MigrationConnection } from '../../prisma/migrate.ts'

/** Bytes that an index may have however few the rows are. */
const SMALL = 2 ** 20
/** … and how many times what its rows need. One that is in use has up to twice that; made smaller, it would only grow again. */
const TIMES = 4
/** Bytes of a text in an index: digests have 43. Of an entry: its header and its place in the page, in pages a tenth empty. */
const TEXT = 48
const ENTRY = 20

/**
 * Milliseconds to wait for a transaction under way. Below `deadlock_timeout` (a second): a migration that waits for us while we
 * wait for it must not be the one that is ended.
 */
const LOCK_PATIENCE = 900
/** For one index; less than its connection waits for an answer. */
const REBUILD_PATIENCE = 50_000

const isOf = (tables: readonly string[]) =>
  `index.indrelid = ANY (ARRAY[${tables.map((table) => `'${table}'`).join()}]::regclass[])`

/** Of those of `tables` that can be used. Rows are counted by the last vacuum. */
const swollen = (tables: readonly string[]) => `
  SELECT index.indexrelid::regclass::text AS name
  FROM pg_index index JOIN pg_class relation ON relation.oid = index.indrelid
  WHERE ${isOf(tables)}
    AND index.indisvalid AND relation.reltuples >= 0
    AND pg_relation_size(index.indexrelid) > ${SMALL} + ${TIMES} * relation.reltuples * (
      SELECT ${ENTRY} + sum(CASE WHEN attlen > 0 THEN attlen ELSE ${TEXT} END)
      FROM pg_attribute WHERE attrelid = index.indexrelid)
  ORDER BY 1`

/** What a rebuild that was interrupted left behind, under a name that only PostgreSQL gives: every write would go on to fill it. */
const leftOver = (tables: readonly string[]) => `
  SELECT index.indexrelid::regclass::text AS name
  FROM pg_index index JOIN pg_class relation ON relation.oid = index.indexrelid
  WHERE ${isOf(tables)}
    AND NOT index.indisvalid AND relation.relname ~ '_cc(new|old)[0-9]*$'
  ORDER BY 1`

/**
 * Rebuilds the indexes that have become far larger than their rows need: a vacuum gives the room of rows back, but pages of an
 * index are only ever used again. Requests go on meanwhile. One node at a time; whoever comes second leaves it to the first.
 * Put off, and logged, while a transaction doesn't end.
 * @param connection of its own, and to be closed after this: it gets other deadlines
 */
export async function rebuildSwollenIndexes(
  connection: MigrationConnection,
  tables: readonly string[],
  log: Pick<Logger, 'warn'>,
): Promise<void> {
  const [lock] = await connection.query(`SELECT pg_try_advisory_lock(${ADVISORY_LOCK.rebuiltIndexes}) AS taken`)
  if (!lock?.taken) return
  try {
    await connection.execute(`SET lock_timeout = ${LOCK_PATIENCE}`)
    await connection.execute(`SET statement_timeout = ${REBUILD_PATIENCE}`)
    await dropLeftOver(connection, tables)
    for (const name of await namesOf(connection, swollen(tables))) {
      await connection.execute(`REINDEX INDEX CONCURRENTLY ${name}`)
    }
  } catch (error) {
    log.warn({ err: error }, 'indexes stay larger than they need to be; it is tried again')
    // What can't be dropped now is by the next run.
    await dropLeftOver(connection, tables).catch(() => {})
  } finally {
    // Should this fail, the end of the connection does it.
    await connection.execute(`SELECT pg_advisory_unlock(${ADVISORY_LOCK.rebuiltIndexes})`).catch(() => {})
  }
}

/** The same where there is but one connection: nobody could go on meanwhile, and nobody is in the way. */
export async function rebuildSwollenIndexesAlone(connection: MigrationConnection, tables: readonly string[]) {
  const names = await namesOf(connection, swollen(tables))
  for (const name of names) await connection.execute(`REINDEX INDEX ${name}`)
  // Each left an old row in the catalog, which nothing else vacuums here.
  if (names.length) await connection.execute('VACUUM pg_class')
}

async function dropLeftOver(connection: MigrationConnection, tables: readonly string[]): Promise<void> {
  for (const name of await namesOf(connection, leftOver(tables))) {
    await connection.execute(`DROP INDEX CONCURRENTLY IF EXISTS ${name}`)
  }
}

const namesOf = async ({ query }: MigrationConnection, sql: string) =>
  (await query(sql)).map(({ name }) => String(name))
