import { type MigrationConnection, type MigrationStatus, migrationStatus } from '../../../prisma/migrate.ts'
import { type ClockReading, judgeClock } from './clock.ts'
import { type Finding, fail, ok, warn } from './finding.ts'
import type { KeyUse } from './master-key.ts'

export interface DatabaseFacts {
  readonly version: string
  /** 150004 is 15.4. */
  readonly versionNumber: number
  readonly readOnly: boolean
  readonly mayCreate: boolean
  readonly clock: ClockReading
  readonly migrations: MigrationStatus
  /** Undefined before the first migration. */
  readonly keyUse: KeyUse | undefined
}

/** Reads and changes nothing. @throws if the database doesn't answer */
export async function readDatabase(connection: MigrationConnection): Promise<DatabaseFacts> {
  const asked = Date.now()
  const [row] = await connection.query(`
    SELECT current_setting('server_version') AS version, current_setting('server_version_num')::int AS number,
      current_setting('transaction_read_only') = 'on' AS read_only,
      has_schema_privilege(current_schema(), 'CREATE') IS TRUE AS may_create,
      (extract(epoch FROM clock_timestamp()) * 1000)::float8 AS now`)
  const answered = Date.now()
  const migrations = await migrationStatus(connection)
  return {
    version: String(row?.version),
    versionNumber: Number(row?.number),
    readOnly: row?.read_only === true,
    mayCreate: row?.may_create === true,
    clock: { theirs: Number(row?.now), asked, answered },
    migrations,
    keyUse: migrations.applied.length ? await readKeyUse(connection, migrations) : undefined,
  }
}

async function readKeyUse({ query }: MigrationConnection, { pending }: MigrationStatus): Promise<KeyUse> {
  const ids = async (sql: string) => (await query(sql)).map(({ id }) => String(id))
  return {
    // The envelope of credentials/sealed-at-rest.ts: v1.<master key>.…
    signingKeys: await ids(
      "SELECT DISTINCT split_part(sealed_private, '.', 2) AS id FROM signing_key WHERE removed_at IS NULL",
    ),
    // Its table may be among what is still to be made.
    webhooks: pending.length ? [] : await ids("SELECT DISTINCT split_part(sealed_secret, '.', 2) AS id FROM webhook"),
    secrets: await ids('SELECT DISTINCT hash_key AS id FROM secret WHERE revoked_at IS NULL'),
  }
}

/** The oldest that this is meant for, and the oldest that PostgreSQL itself still mends. */
const OLDEST = 12
const OLDEST_MAINTAINED = 14

export function judgeDatabase(facts: DatabaseFacts): Finding[] {
  const { version, readOnly, mayCreate, clock } = facts
  const topic = 'database'
  const major = Math.floor(facts.versionNumber / 10_000)
  const seen = `PostgreSQL ${version}`
  return [
    major < OLDEST
      ? fail(topic, `${seen} is too old`, `upgrade it to ${OLDEST_MAINTAINED} or later`)
      : major < OLDEST_MAINTAINED
        ? warn(topic, `${seen} is no longer maintained`, `upgrade it to ${OLDEST_MAINTAINED} or later`)
        : ok(topic, seen),
    readOnly
      ? fail(topic, 'it is read-only', 'DATABASE_URL wants the primary, with writes allowed')
      : ok(topic, 'it is writable'),
    ...judgeMigrations(facts.migrations, mayCreate),
    judgeClock(topic, clock),
  ]
}

function judgeMigrations({ applied, pending, edited, failed }: MigrationStatus, mayCreate: boolean): Finding[] {
  const topic = 'migrations'
  const names = (some: readonly string[]) => some.join(', ')
  if (failed.length)
    return [fail(topic, `${names(failed)} failed half way`, 'mend the database, then resolve it with Prisma')]
  const were = edited.length === 1 ? 'was' : 'were'
  if (edited.length) return [fail(topic, `${names(edited)} ${were} edited since`, 'restore the file')]
  if (!pending.length) return [ok(topic, `all ${applied.length} applied`)]
  if (!mayCreate) {
    const seen = `${names(pending)} to be applied, and this user may not create tables`
    return [fail(topic, seen, 'GRANT CREATE ON SCHEMA public to it, or run `keycourt migrate` as another')]
  }
  if (!applied.length) return [ok(topic, 'none applied yet: the first start does it')]
  return [warn(topic, `${names(pending)} to be applied`, 'run `keycourt migrate`, or let the next start do it')]
}
