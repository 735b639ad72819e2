import { DriverAdapterError } from '@prisma/driver-adapter-utils'
import { describe, expect, test } from 'vitest'
import { isUnavailable } from '../../server/storage/away.ts'
import { Prisma } from '../../server/storage/database.ts'
import { StoreUnavailable } from '../../server/storage/state-store.ts'

const known = (code: string, meta = {}) =>
  new Prisma.PrismaClientKnownRequestError('Transaction API error', { code, clientVersion: '7', meta })
const coded = (message: string, code: string) => Object.assign(new Error(message), { code })
const postgres = (code: string, message = 'what PostgreSQL said') =>
  new DriverAdapterError({ kind: 'postgres', code, severity: 'FATAL', message, detail: '', column: '', hint: '' })

/** As they come out of Prisma 7.10, pg 8.23 and Node: read there, and seen when PostgreSQL was stopped, stalled, cut off. */
const AWAY: Record<string, unknown> = {
  'could not be started': new Prisma.PrismaClientInitializationError('no', '7'),
  ...Object.fromEntries(
    ['P1001', 'P1008', 'P1017', 'P1018', 'P2024', 'P2028', 'P2037'].map((code) => [code, known(code)]),
  ),
  ...Object.fromEntries(
    ['read ECONNRESET', 'connect ECONNREFUSED', 'write EPIPE', 'connect ETIMEDOUT', 'getaddrinfo EAI_AGAIN'].map(
      (message) => [message, coded(message, message.split(' ')[1] as string)],
    ),
  ),
  'a write to a socket that is gone': coded('Cannot call write after a stream was destroyed', 'ERR_STREAM_DESTROYED'),
  'a socket that closed meanwhile': coded('Socket is closed', 'ERR_SOCKET_CLOSED'),
  'an address that is none': new AggregateError([coded('', 'ECONNREFUSED')]),
  ...Object.fromEntries(
    [
      'Connection terminated',
      'Connection terminated unexpectedly',
      'Connection terminated due to connection timeout',
      'timeout expired',
      'timeout exceeded when trying to connect',
      'Query read timeout',
      'Client has encountered a connection error and is not queryable',
      'Client was closed and is not queryable',
      'Received unexpected commandComplete message from backend.',
      'Cannot use a pool after calling end on the pool',
    ].map((message) => [message, new Error(message)]),
  ),
  ...Object.fromEntries(
    (['ConnectionClosed', 'SocketTimeout', 'DatabaseNotReachable'] as const).map((kind) => [
      `the adapter's ${kind}`,
      new DriverAdapterError({ kind } as ConstructorParameters<typeof DriverAdapterError>[0]),
    ]),
  ),
  "the adapter's TransactionAlreadyClosed": new DriverAdapterError({ kind: 'TransactionAlreadyClosed', cause: '' }),
  "the adapter's, in one of Prisma's": known('P2039', { driverAdapterError: postgres('57014') }),
  'an error behind another': new Error('no', { cause: new Error('no', { cause: coded('', 'ECONNRESET') }) }),
  'what is told as unavailable already': new Error('no', { cause: new StoreUnavailable('database', undefined) }),
  ...Object.fromEntries(
    ['08006', '25006', '25P03', '53100', '53300', '57014', '57P01', '57P03', '58030'].map((code) => [
      `SQLSTATE ${code}`,
      postgres(code),
    ]),
  ),
}

const NOT_AWAY: Record<string, unknown> = {
  'a unique violation': known('P2002'),
  'a row that is not there': known('P2025'),
  'a conflict': known('P2034'),
  'a mistake in a statement': known('P2010', { driverAdapterError: postgres('42601') }),
  'a mistake of ours': new TypeError('undefined is not a function'),
  'a mistake in a stream': coded('The argument is invalid', 'ERR_INVALID_ARG_TYPE'),
  // Whoever goes on in a transaction that failed swallowed the error that says why.
  'a transaction that failed before': postgres('25P02', 'current transaction is aborted'),
  nothing: undefined,
}

describe('that the database is away', () => {
  test.each(Object.keys(AWAY))('is told by %s', (name) => expect(isUnavailable(AWAY[name])).toBe(true))
  test.each(Object.keys(NOT_AWAY))('is not told by %s', (name) => expect(isUnavailable(NOT_AWAY[name])).toBe(false))
})
