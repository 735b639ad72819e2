import { randomUUID } from 'node:crypto'
import { type Clock, epochSeconds } from '../../clock.ts'
import type { Mode } from '../../mode/mode.ts'
import {
  type FailureCount,
  type KeptStanding,
  type Standing,
  type StateStore,
  StoreUnavailable,
} from '../state-store.ts'
import { answered } from './answered.ts'
import { createBatches } from './batches.ts'
import type { RedisConnection } from './connection.ts'
import { createEventStream } from './event-stream.ts'

interface Needs {
  redis: RedisConnection
  mode: Mode
  clock: Clock
}

/**
 * Milliseconds. A node that dies between the commit of a change and its raise leaves the old standing behind: that it ends
 * heals it (the caller was never told that the change was made). One that is in use is read anew before its end, so
 * that nobody waits for the database.
 */
const STANDING_TTL = 120_000
/** After how long, each its own, so that what came together isn't due together. */
const STANDING_DUE = { least: 45_000, most: 90_000 }

// Key kinds. Each command, script or not, touches one key, so Redis Cluster needs no hash tags.
type Kind = 'a' | 's' | 'o' | 'r' | 'f' | 'p' | 'e'

/** Never over a newer one. The same version lives anew: whoever raises it has read it in the database. */
const RAISE = `
local held = redis.call('GET', KEYS[1])
if held and tonumber(string.match(held, '^%d+')) > tonumber(ARGV[1]) then return 0 end
redis.call('SET', KEYS[1], ARGV[1] .. '.' .. ARGV[2] .. '.' .. ARGV[3], 'PX', ARGV[4])
return 1`

const COUNT = `
local count = redis.call('INCRBY', KEYS[1], ARGV[2])
if count == tonumber(ARGV[2]) then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
return { count, redis.call('PTTL', KEYS[1]) }`

const SWAP = `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1`

interface Scripts {
  kcSwap(key: string, before: string, after: string, ttl: number): Promise<number>
  kcRaise(key: string, version: number, epoch: number, due: number, ttl: number): Promise<number>
  kcCount(key: string, ttl: number, by: number): Promise<[number, number]>
}

/** Tokens and hot state as plain strings, each with its lifetime: Redis forgets by itself, there is nothing to sweep. */
export function createRedisStateStore({ redis, mode, clock }: Needs): StateStore {
  const scripts = withScripts(redis)
  const key = (kind: Kind, id: string) => `kc:${mode === 'live' ? 'l' : 't'}:${kind}${id}`
  const batches = createBatches(redis, key('e', ''))
  const eventStream = createEventStream(redis, key('e', ''))
  const ttl = (expiresAt: number) => Math.ceil(expiresAt - clock.now())
  const find = (name: string) => batches.get([name]).then(([value]) => value ?? undefined)
  const put = (name: string, value: string, expiresAt: number) => {
    const left = ttl(expiresAt)
    return left > 0 ? batches.set(name, value, left) : Promise.resolve()
  }
  const counted = ([count, left]: [number, number]): FailureCount => ({
    count,
    resetsAt: clock.now() + Math.max(left, 0),
  })

  return {
    putToken: (digest, record, expiresAt) => put(key('a', digest), record, expiresAt),
    findToken: (digest) => find(key('a', digest)),
    removeToken: async (digest) => (await answered(redis.del(key('a', digest)))) === 1,

    standings(refs) {
      const named = refs.map((ref) => key('s', ref))
      return batches.get(named).then((values) => {
        const now = epochSeconds(clock.now())
        return refs.map((ref, at) => standing(ref, values[at], now))
      })
    },
    async forgetStandings(refs) {
      await answered(Promise.all(refs.map((ref) => redis.del(key('s', ref)))))
    },
    async raiseStandings(standings) {
      const now = clock.now()
      const raise = ({ ref, version, epoch }: Standing) =>
        scripts.kcRaise(key('s', ref), version, epoch, dueAfter(now), STANDING_TTL)
      await answered(Promise.all(standings.map(raise)))
    },

    async putRecord(id, record, expiresAt) {
      if (ttl(expiresAt) > 0) await put(key('o', id), record, expiresAt)
      else await answered(redis.del(key('o', id)))
    },
    findRecord: (id) => find(key('o', id)),
    async swapRecord(id, before, after, expiresAt, unanswered = 'taken back') {
      const left = ttl(expiresAt)
      if (left <= 0) return false
      const swap = (from: string, to: string) => scripts.kcSwap(key('o', id), from, to, left)
      try {
        return (await answered(swap(before, after))) === 1
      } catch (error) {
        // It may still run, late. What follows it on the connection takes it back.
        if (unanswered === 'taken back') swap(after, before).catch(() => {})
        throw error
      }
    },
    takeRecord: async (id) => (await answered(redis.getdel(key('o', id)))) ?? undefined,

    async remember(id, until) {
      const left = ttl(until)
      return left <= 0 || (await answered(redis.set(key('r', id), '', 'PX', left, 'NX'))) === 'OK'
    },

    countFailure: async (id, windowMs, by = 1) =>
      counted(await answered(scripts.kcCount(key('f', id), Math.ceil(windowMs), by))),

    recordEvent: (event) => batches.append(event),
    pendingEvents: (most) => answered(eventStream.oldest(most)),
    removeEvents: (handles) => answered(eventStream.remove(handles)),

    async ping() {
      // A key of its own each time: on Cluster another slot, so another master. A read-only or full server fails here.
      const id = randomUUID()
      await answered(redis.set(key('p', id), id, 'PX', 1_000))
      if ((await answered(redis.get(key('p', id)))) !== id)
        throw new StoreUnavailable('redis', 'wrote but did not read')
    },
    sweep: async () => 0,
  }
}

function withScripts(redis: RedisConnection): Scripts {
  redis.defineCommand('kcRaise', { numberOfKeys: 1, lua: RAISE })
  redis.defineCommand('kcSwap', { numberOfKeys: 1, lua: SWAP })
  redis.defineCommand('kcCount', { numberOfKeys: 1, lua: COUNT })
  return redis as RedisConnection & Scripts
}

/** Seconds since the epoch. */
const dueAfter = (now: number, { least, most } = STANDING_DUE): number =>
  epochSeconds(now + least + Math.random() * (most - least))

/** @param value version, epoch and when it is due, in seconds since the epoch */
function standing(ref: string, value: string | null | undefined, now: number): KeptStanding | undefined {
  if (!value) return undefined
  const first = value.indexOf('.')
  const second = value.indexOf('.', first + 1)
  const isDue = Number(value.slice(second + 1)) <= now || undefined
  return { ref, version: Number(value.slice(0, first)), epoch: Number(value.slice(first + 1, second)), isDue }
}
