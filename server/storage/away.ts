import { Prisma } from '../../prisma/generated/client.ts'
import { StoreUnavailable } from './state-store.ts'

/** Prisma: P10xx is about the connection, P2024 and P2028 are waits that ran out, P2037 too many connections. */
const PRISMA = /^P(10\d\d|2024|2028|2037)$/

/**
 * SQLSTATE: 08 connection, 53 out of resources, 57 operator intervention (shutdown, cancelled by timeout), 58 input and
 * output; a standby, which doesn't write; a transaction that was idle for too long.
 */
const SQLSTATE = /^((08|53|57|58)...|25006|25P03)$/

/** Node: of the operating system (`EPIPE`, `EAI_AGAIN`), and a socket that was closed meanwhile. */
const NODE = /^(E[A-Z]{4,}|EAI_[A-Z]+|ERR_(STREAM|SOCKET)_\w+)$/

/** The adapter's names for some of these. */
const KIND = /^(DatabaseNotReachable|ConnectionClosed|SocketTimeout|TooManyConnections|TransactionAlreadyClosed)$/

/** What pg says without a code. */
const MESSAGE = /timeout|terminat|not queryable|Connection|unexpected \w+ message from backend|end on the pool/

/** Whether `error` says that the database didn't answer, or couldn't: nobody did anything wrong. */
export function isUnavailable(error: unknown): boolean {
  if (!(error instanceof Object)) return false
  if (error instanceof StoreUnavailable || error instanceof Prisma.PrismaClientInitializationError) return true
  const { code, originalCode, kind, message } = error as Record<string, unknown>
  if (error instanceof Prisma.PrismaClientKnownRequestError && PRISMA.test(error.code)) return true
  return (
    [code, originalCode].some((text) => SQLSTATE.test(String(text))) ||
    NODE.test(String(code)) ||
    KIND.test(String(kind)) ||
    MESSAGE.test(String(message)) ||
    causesOf(error).some(isUnavailable)
  )
}

function causesOf(error: object): unknown[] {
  const { cause, meta, errors } = error as {
    cause?: unknown
    meta?: { driverAdapterError?: unknown }
    errors?: unknown
  }
  return [cause, meta?.driverAdapterError, ...(Array.isArray(errors) ? errors : [])]
}
