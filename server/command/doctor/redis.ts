import { Cluster, type Redis } from 'ioredis'
import { systemClock } from '../../clock.ts'
import { connectRedis, type RedisConnection, redisReady } from '../../storage/redis/connection.ts'
import { parseRedisUrl, type RedisTarget } from '../../storage/redis/redis-url.ts'
import { createRedisStateStore } from '../../storage/redis/state-store.ts'
import { type ClockReading, judgeClock } from './clock.ts'
import { type Finding, fail, ok, reasonOf, warn } from './finding.ts'

/** Milliseconds until Redis counts as away. */
const PATIENCE = 3_000
const OLDEST = 7

/** What a server says of itself: INFO, which managed services allow where they refuse CONFIG. */
export interface RedisFacts {
  readonly info: Readonly<Record<string, string>>
  readonly clock: ClockReading
}

export async function checkRedis(redisUrl: string): Promise<Finding[]> {
  const connection = connectRedis(redisUrl)
  try {
    await redisReady(connection, PATIENCE)
    const { kind } = parseRedisUrl(redisUrl)
    const nodes = connection instanceof Cluster ? connection.nodes('master') : [connection]
    const judged = nodes.map(async (node) => judgeRedis(topicOf(node, nodes.length), kind, await readRedis(node)))
    return [...(await Promise.all(judged)).flat(), await checkWrites(connection)]
  } catch (error) {
    const seen = reasonOf(error).replace(/^REDIS_URL: /, '')
    return [fail('redis', seen, 'check REDIS_URL, and the network between')]
  } finally {
    connection.disconnect()
  }
}

async function checkWrites(redis: RedisConnection): Promise<Finding> {
  try {
    await createRedisStateStore({ redis, mode: 'live', clock: systemClock }).ping()
    return ok('redis', 'it is writable')
  } catch (error) {
    const reason = reasonOf((error as Error).cause ?? error)
    return fail('redis', `it takes no writes (${reason})`, 'see its log: a replica, a part of a cluster, a full disk?')
  }
}

const topicOf = ({ options }: Redis, count: number) => (count > 1 ? `redis ${options.host}:${options.port}` : 'redis')

async function readRedis(node: Redis): Promise<RedisFacts> {
  const info = parseInfo(await node.info())
  const asked = Date.now()
  const [seconds, microseconds] = await node.time()
  return { info, clock: { theirs: Number(seconds) * 1000 + Number(microseconds) / 1000, asked, answered: Date.now() } }
}

export const parseInfo = (text: string): Record<string, string> =>
  Object.fromEntries(
    text.split('\r\n').flatMap((line): [string, string][] => {
      const at = line.indexOf(':')
      return at > 0 && !line.startsWith('#') ? [[line.slice(0, at), line.slice(at + 1)]] : []
    }),
  )

/** @param kind how REDIS_URL says that it is to be talked to */
export function judgeRedis(topic: string, kind: RedisTarget['kind'], { info, clock }: RedisFacts): Finding[] {
  return [
    judgeVersion(topic, info),
    judgeEviction(topic, info),
    judgePersistence(topic, info),
    ...judgeRole(topic, kind, info),
    judgeClock(topic, clock),
  ]
}

/** Valkey says which Redis it is compatible with, and its own version beside. */
function judgeVersion(topic: string, { redis_version = '', valkey_version }: RedisFacts['info']): Finding {
  const seen = valkey_version ? `Valkey ${valkey_version}` : `Redis ${redis_version}`
  if (Number.parseInt(redis_version, 10) >= OLDEST) return ok(topic, seen)
  return fail(topic, `${seen} is too old`, `upgrade it to Redis ${OLDEST} or Valkey 8, or later`)
}

function judgeEviction(topic: string, { maxmemory_policy: policy = 'unknown' }: RedisFacts['info']): Finding {
  if (policy === 'noeviction') return ok(topic, 'maxmemory-policy is noeviction')
  const advice = 'set `maxmemory-policy noeviction`: tokens and replay memory are no cache, and must not be evicted'
  return fail(topic, `maxmemory-policy is ${policy}`, advice)
}

function judgePersistence(topic: string, { aof_enabled }: RedisFacts['info']): Finding {
  if (aof_enabled === '1') return ok(topic, 'appendonly is on')
  return warn(topic, 'appendonly is off: a restart ends all tokens', 'set `appendonly yes`')
}

function judgeRole(topic: string, kind: RedisTarget['kind'], info: RedisFacts['info']): Finding[] {
  const { role, cluster_enabled, connected_slaves = '0' } = info
  if (cluster_enabled === '1' && kind !== 'cluster') {
    return [fail(topic, 'it is a node of a cluster', 'write REDIS_URL as redis+cluster://host:port,host:port')]
  }
  if (role === 'slave') return [fail(topic, 'it is a replica', 'REDIS_URL wants the master, or redis+sentinel://')]
  if (kind === 'single' && Number(connected_slaves) > 0) {
    const seen = `it has ${connected_slaves} replica(s), which nobody here follows to when it fails`
    return [warn(topic, seen, 'with Sentinel, write REDIS_URL as redis+sentinel://host:port,host:port/name')]
  }
  return []
}
