import { createHash, randomUUID } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ADVISORY_LOCK } from './advisory-locks.ts'

/** What the runner needs of a database: one connection, statements without parameters, rows by column name. */
export interface MigrationConnection {
  execute(sql: string): Promise<void>
  query(sql: string): Promise<Record<string, unknown>[]>
}

const MIGRATIONS = join(import.meta.dirname, 'migrations')

// Prisma's own table, so that `prisma migrate deploy` and `migrate status` agree with this runner.
const PRISMA_TABLE = `CREATE TABLE IF NOT EXISTS "_prisma_migrations" (
  "id" VARCHAR(36) PRIMARY KEY, "checksum" VARCHAR(64) NOT NULL, "finished_at" TIMESTAMPTZ,
  "migration_name" VARCHAR(255) NOT NULL, "logs" TEXT, "rolled_back_at" TIMESTAMPTZ,
  "started_at" TIMESTAMPTZ NOT NULL DEFAULT now(), "applied_steps_count" INTEGER NOT NULL DEFAULT 0)`

/**
 * Applies what is missing, in order, each migration with its row in one transaction. Returns the names applied.
 * @throws if an applied migration was edited since, or one failed half way under another tool.
 */
export async function migrate(connection: MigrationConnection): Promise<string[]> {
  await connection.execute(`SELECT pg_advisory_lock(${ADVISORY_LOCK.migration})`)
  try {
    await connection.execute(PRISMA_TABLE)
    const applied = await appliedMigrations(connection)
    const names: string[] = []
    for (const { name, sql, checksum } of await migrations()) {
      const before = applied.get(name)
      if (before === undefined) {
        await apply(connection, name, sql, checksum)
        names.push(name)
      } else if (before !== checksum) {
        throw new Error(`migration ${name} was edited after it was applied`)
      }
    }
    return names
  } finally {
    await connection.execute(`SELECT pg_advisory_unlock(${ADVISORY_LOCK.migration})`)
  }
}

export interface MigrationStatus {
  readonly applied: readonly string[]
  /** In the order in which they are going to be applied. */
  readonly pending: readonly string[]
  /** Applied, and different since. */
  readonly edited: readonly string[]
  /** Begun by another tool and never finished. */
  readonly failed: readonly string[]
}

/** How the database stands to the migrations of this version. Reads only, and waits for nobody. */
export async function migrationStatus(connection: MigrationConnection): Promise<MigrationStatus> {
  const known = await migrations()
  const [table] = await connection.query(`SELECT to_regclass('"_prisma_migrations"') IS NOT NULL AS exists`)
  const rows = table?.exists ? await connection.query(NOT_ROLLED_BACK) : []
  const found = new Map(rows.map((row) => [String(row.migration_name), row]))
  const failed = rows.filter(({ finished_at }) => finished_at === null).map((row) => String(row.migration_name))
  return {
    applied: [...found.keys()].filter((name) => !failed.includes(name)),
    pending: known.flatMap(({ name }) => (found.has(name) ? [] : name)),
    edited: known.flatMap(({ name, checksum }) =>
      found.has(name) && found.get(name)?.checksum !== checksum ? name : [],
    ),
    failed,
  }
}

const NOT_ROLLED_BACK =
  'SELECT migration_name, checksum, finished_at FROM "_prisma_migrations" WHERE rolled_back_at IS NULL'

async function migrations() {
  const entries = await readdir(MIGRATIONS, { withFileTypes: true })
  const names = entries.flatMap((entry) => (entry.isDirectory() ? entry.name : [])).sort()
  return Promise.all(
    names.map(async (name) => {
      const sql = await readFile(join(MIGRATIONS, name, 'migration.sql'), 'utf8')
      return { name, sql, checksum: createHash('sha256').update(sql).digest('hex') }
    }),
  )
}

async function appliedMigrations(connection: MigrationConnection): Promise<Map<string, string>> {
  const rows = await connection.query(NOT_ROLLED_BACK)
  for (const row of rows) {
    if (row.finished_at === null) throw new Error(`migration ${row.migration_name} failed earlier; resolve it first`)
  }
  return new Map(rows.map((row) => [String(row.migration_name), String(row.checksum)]))
}

async function apply(connection: MigrationConnection, name: string, sql: string, checksum: string): Promise<void> {
  if (!/^\d{14}_\w+$/.test(name)) throw new Error(`migration folder ${name} is not named <timestamp>_<name>`)
  await connection.execute('BEGIN')
  try {
    await connection.execute(sql)
    await connection.execute(
      `INSERT INTO "_prisma_migrations" (id, checksum, migration_name, started_at, finished_at, applied_steps_count)
       VALUES ('${randomUUID()}', '${checksum}', '${name}', now(), now(), 1)`,
    )
    await connection.execute('COMMIT')
  } catch (error) {
    await connection.execute('ROLLBACK')
    throw error
  }
}
