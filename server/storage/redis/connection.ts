import { Cluster, Redis, type RedisOptions } from 'ioredis'
import type { Logger } from 'pino'
import { parseRedisUrl, type RedisTarget } from './redis-url.ts'

export type RedisConnection = Redis | Cluster
type Log = Pick<Logger, 'info' | 'warn'>

/** Milliseconds for a command to be answered, within the store's deadline. */
const COMMAND_TIMEOUT = 1_500

/** Milliseconds; for ever, so that a server that comes back is found within a second. */
const backoff = (attempt: number): number => Math.min(50 * attempt, 1_000)

/**
 * Commands are sent once, or refused. A `GETDEL` or `SET NX` sent again after a lost connection would find its own
 * first run and report a single-use token as already used, which is what theft looks like.
 */
const ONCE = {
  commandTimeout: COMMAND_TIMEOUT,
  autoResendUnfulfilledCommands: false,
  maxRetriesPerRequest: 0,
} satisfies RedisOptions

const PATIENCE = {
  connectTimeout: 1_000,
  // A server that stalls, or is cut off without a FIN, keeps its socket open: without data for so long, start anew.
  socketTimeout: 3_000,
  keepAlive: 10_000,
} satisfies RedisOptions

/** Connects in the background and for ever. Until then, and whenever the server is away, commands fail at once. */
export function connectRedis(redisUrl: string, log?: Log): RedisConnection {
  const target = parseRedisUrl(redisUrl)
  const connection = target.kind === 'cluster' ? cluster(target) : redis(target)
  report(connection, log)
  return connection
}

function redis(target: RedisTarget): Redis {
  return new Redis({
    ...credentials(target),
    ...ONCE,
    ...PATIENCE,
    ...(target.kind === 'sentinel' ? sentinels(target) : target.nodes[0]),
    db: target.db,
    connectionName: 'keycourt',
    retryStrategy: backoff,
    enableOfflineQueue: false,
    // After a fail-over we may still talk to the old master. The command was not run; the new master is asked next time.
    reconnectOnError: (error) => /\b(READONLY|MASTERDOWN)\b/.test(error.message),
  })
}

const sentinels = (target: RedisTarget) => ({
  sentinels: [...target.nodes],
  name: target.masterName,
  sentinelRetryStrategy: backoff,
  sentinelCommandTimeout: 1_000,
  ...(target.sentinelPassword !== undefined && { sentinelPassword: target.sentinelPassword }),
  ...(target.tls && { sentinelTLS: {}, enableTLSForSentinelMode: true }),
})

function cluster(target: RedisTarget): Cluster {
  const connection = new Cluster([...target.nodes], {
    redisOptions: { ...credentials(target), ...ONCE, ...PATIENCE, connectionName: 'keycourt' },
    clusterRetryStrategy: backoff,
    enableOfflineQueue: false,
    slotsRefreshInterval: 1_000,
    // MOVED, ASK and CLUSTERDOWN mean "not run" and are followed; a lost connection doesn't: see ONCE.
    retryDelayOnFailover: 0,
    // Certificates are for names; resolved addresses would not match them.
    ...(target.tls && { dnsLookup: (host: string, done: (error: null, address: string) => void) => done(null, host) }),
  })
  // Else the first commands to a node find it connecting, and are refused.
  connection.on('+node', (node: Redis) => node.connect().catch(() => {}))
  return connection
}

const credentials = ({ username, password, tls }: RedisTarget) => ({
  ...(username !== undefined && { username }),
  ...(password !== undefined && { password }),
  ...(tls && { tls: {} }),
})

/** One line when it goes away and one when it is back, however often it is tried in between. Messages name no credential. */
function report(connection: RedisConnection, log: Log | undefined): void {
  let away = false
  const gone = (error: Error) => {
    if (!away) log?.warn({ reason: error.message }, 'redis is away')
    away = true
  }
  connection.on('error', gone)
  // Not 'close': that comes at our own leaving too.
  connection.on('reconnecting', () => gone(new Error('connection lost')))
  connection.on('ready', () => {
    if (away) log?.info('redis is back')
    away = false
  })
}

/** Resolves when commands are accepted. @throws {Error} a sentence, after `patience` milliseconds without that. */
export async function redisReady(connection: RedisConnection, patience: number): Promise<void> {
  let reason = 'no answer'
  const note = (error: Error) => {
    reason = error.message || String((error as NodeJS.ErrnoException).code)
  }
  const late = AbortSignal.timeout(patience)
  connection.on('error', note)
  try {
    await isReady(connection, late)
    if (connection instanceof Cluster) await Promise.all(connection.nodes().map((node) => isReady(node, late)))
  } catch {
    throw new Error(`REDIS_URL: Redis can't be reached or used (${reason}).`)
  } finally {
    connection.off('error', note)
  }
}

/** events.once would give up at the first error; here there is another try. */
const isReady = (connection: RedisConnection, late: AbortSignal) =>
  new Promise<void>((resolve, reject) => {
    if (connection.status === 'ready') return resolve()
    connection.once('ready', resolve)
    late.addEventListener('abort', reject, { once: true })
  })
