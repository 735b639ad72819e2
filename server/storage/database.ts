import type { PGlite } from '@electric-sql/pglite'
import { PrismaPg } from '@prisma/adapter-pg'
import { PrismaPGlite } from 'pglite-prisma-adapter'
import { Prisma, PrismaClient } from '../../prisma/generated/client.ts'
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

export function openPostgres(databaseUrl: string): OpenDatabase {
  const adapter = new PrismaPg({
    connectionString: databaseUrl,
    max: 10,
    connectionTimeoutMillis: 2_000,
    query_timeout: DEADLINE,
    statement_timeout: DEADLINE,
    idle_in_transaction_session_timeout: 10_000,
    keepAlive: true,
    application_name: 'keycourt',
    // Prisma reads and writes times as UTC, whatever zone the session is in (adapter-pg 7.10).
    onConnect: async (client) => {
      await client.query("SET TIME ZONE 'UTC'")
    },
  })
  return opened(
    new PrismaClient({ adapter, transactionOptions: { maxWait: 2_000, timeout: DEADLINE } }),
    async () => {},
  )
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

/**
 * Prisma: P10xx is about the connection, P2024 and P2028 are waits that ran out, P2037 too many connections.
 * SQLSTATE: 08 connection, 53 out of resources, 57 operator intervention (shutdown, cancelled by timeout).
 */
function isUnavailable(error: unknown): boolean {
  if (error instanceof Prisma.PrismaClientInitializationError) return true
  if (error instanceof Prisma.PrismaClientKnownRequestError && /^P(10\d\d|2024|2028|2037)$/.test(error.code))
    return true
  for (let cause = error; cause instanceof Object; cause = causeOf(cause)) {
    const { code, originalCode, kind, message } = cause as Record<string, unknown>
    if (/^(08|53|57)/.test(String(originalCode ?? ''))) return true
    if (/^(08|53|57)...$/.test(String(code ?? '')) || /^E[A-Z]{4,}$/.test(String(code ?? ''))) return true
    if (/^(DatabaseNotReachable|ConnectionClosed|SocketTimeout|TooManyConnections)$/.test(String(kind ?? '')))
      return true
    if (/timeout|terminat|not queryable|Connection/.test(String(message ?? ''))) return true
  }
  return false
}

const causeOf = (error: object): unknown => {
  const { cause, meta } = error as { cause?: unknown; meta?: { driverAdapterError?: unknown } }
  return cause ?? meta?.driverAdapterError
}
