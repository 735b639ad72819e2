import type { PGlite } from '@electric-sql/pglite'
import { PrismaPg } from '@prisma/adapter-pg'
import pg from 'pg'
import { PrismaPGlite } from 'pglite-prisma-adapter'
import { Prisma, PrismaClient } from '../../prisma/generated/client.ts'
import { isUnavailable } from './away.ts'
import { StoreUnavailable } from './state-store.ts'

export { Prisma } from '../../prisma/generated/client.ts'

/** Longest wait for the database, in milliseconds: a request that needs it is answered within 5 s either way. */
const DEADLINE = 3_500

/** The whole database, of all tenants. Use cases get a tenant's part of it instead: see tenancy/scoped-database.ts. */
export type Database = ReturnType<typeof guarded>
export type Transaction = Parameters<Parameters<Database['$transaction']>[0]>[0]

export interface OpenDatabase {
  readonly database: Database
  close(): Promise<void>
}

/** @param deadline longest wait for the database, in milliseconds */
export function openPostgres(databaseUrl: string, deadline = DEADLINE): OpenDatabase {
  const pool = new pg.Pool({
    connectionString: databaseUrl,
    max: 10,
    connectionTimeoutMillis: 2_000,
    query_timeout: deadline,
    statement_timeout: deadline,
    idle_in_transaction_session_timeout: 10_000,
    keepAlive: true,
    application_name: 'keycourt',
    // Prisma reads and writes times as UTC, whatever zone the session is in (adapter-pg 7.10).
    onConnect: async (client) => {
      await client.query("SET TIME ZONE 'UTC'")
    },
  })
  pool.on('release', endUnlessClean)
  const adapter = new PrismaPg(pool, { disposeExternalPool: true })
  return opened(
    new PrismaClient({ adapter, transactionOptions: { maxWait: 2_000, timeout: deadline } }),
    async () => {},
  )
}

/**
 * A COMMIT or ROLLBACK that timed out may never have been sent, and the adapter gives the connection back all the same
 * (adapter-pg 7.10): whatever came next on it would be part of the old transaction, be answered, and be gone when that ends.
 */
function endUnlessClean(_: unknown, client: pg.PoolClient): void {
  // The pool drops a client that is ending. On the type of PoolClient `end` is missing: only the pool may, as a rule.
  if (client.getTransactionStatus() !== 'I') void (client as unknown as pg.Client).end().catch(() => {})
}

/** @param close what else must be closed with it (the lock of its directory). */
export function openEmbedded(pglite: PGlite, close: () => Promise<void>): OpenDatabase {
  // One connection: a queue of transactions is normal here, so they may wait longer for their turn.
  const adapter = new PrismaPGlite(pglite)
  return opened(new PrismaClient({ adapter, transactionOptions: { maxWait: 4_000, timeout: DEADLINE } }), async () => {
    await pglite.close()
    await close()
  })
}

function opened(client: PrismaClient, close: () => Promise<void>): OpenDatabase {
  return {
    database: guarded(client),
    async close() {
      await client.$disconnect()
      await close()
    },
  }
}

/** Tells "the database is away" from every other failure, in one place. */
const guarded = (client: PrismaClient) =>
  client.$extends({
    query: {
      async $allOperations({ args, query }) {
        try {
          return await query(args)
        } catch (error) {
          throw isUnavailable(error) ? new StoreUnavailable('database', error) : error
        }
      },
    },
  })

/** Runs `work` in one transaction. @throws {StoreUnavailable} also when none could be begun or committed. */
export async function inTransaction<Client extends Transactional, T>(
  database: Client,
  work: (transaction: TransactionOf<Client>) => Promise<T>,
): Promise<T> {
  try {
    return (await database.$transaction(work as (transaction: unknown) => Promise<T>)) as T
  } catch (error) {
    throw isUnavailable(error) ? new StoreUnavailable('database', error) : error
  }
}

interface Transactional {
  // biome-ignore lint/suspicious/noExplicitAny: Prisma overloads it, and each extended client has its own type.
  $transaction(...args: any[]): Promise<any>
}

type TransactionOf<Client extends Transactional> = Parameters<Parameters<Client['$transaction']>[0]>[0]

export const isUniqueViolation = (error: unknown): boolean =>
  error instanceof Prisma.PrismaClientKnownRequestError && error.code === 'P2002'
