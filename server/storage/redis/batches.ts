import type { RedisConnection } from './connection.ts'
import { FIELD, fieldsOf } from './event-stream.ts'

/** The commands that nearly every request is made of. */
export interface Batches {
  /** In the order asked. */
  get(keys: readonly string[]): Promise<(string | null)[]>
  /** @param lifetime in milliseconds */
  set(key: string, value: string, lifetime: number): Promise<void>
  /** To the stream: see event-stream.ts. */
  append(event: string): Promise<void>
}

/** What one turn asks for. */
interface Turn {
  readonly reads: Read[]
  readonly writes: Write[]
  readonly events: Event[]
}

interface Waiting<T> {
  resolve(value: T): void
  reject(error: unknown): void
}

interface Read extends Waiting<(string | null)[]> {
  readonly keys: readonly string[]
}

interface Write extends Waiting<void> {
  readonly key: string
  readonly value: string
  readonly lifetime: number
}

interface Event extends Waiting<void> {
  readonly event: string
}

/** In Lua, since a pipeline costs this process a command for each: three writes are done in the time of one. */
const TURN = `
local writes, events = tonumber(ARGV[1]), tonumber(ARGV[2])
for i = 1, writes do redis.call('SET', KEYS[i], ARGV[2 * i + 1], 'PX', ARGV[2 * i + 2]) end
local reads = writes + 1
if events > 0 then
  local fields = {}
  for i = 1, events do
    fields[2 * i - 1] = '${FIELD}'
    fields[2 * i] = ARGV[2 * writes + 2 + i]
  end
  redis.call('XADD', KEYS[reads], '*', unpack(fields))
  reads = reads + 1
end
if reads > #KEYS then return {} end
return redis.call('MGET', unpack(KEYS, reads))`

type WithTurn = RedisConnection & {
  kcTurn(count: number, ...keysAndValues: (string | number)[]): Promise<(string | null)[]>
}

/** Requests of one turn. Lua's `unpack` holds some 8,000 values, and each of these takes two or three. */
const MOST = 1_000

/**
 * Whatever one turn of the event loop asks for, of however many requests, is sent together as one command, and what
 * several of them read is read once: a command costs this process more than it costs Redis, and under load there are
 * many in each turn. The events of a turn are one entry of the stream. On Cluster keys have slots of their own, so there
 * each other command goes by itself.
 */
export function createBatches(redis: RedisConnection, stream: string): Batches {
  redis.defineCommand('kcTurn', { lua: TURN })
  let turn: Turn = { reads: [], writes: [], events: [] }
  let asked = 0

  function flush(): void {
    if (asked === 0) return
    const { reads, writes, events } = turn
    turn = { reads: [], writes: [], events: [] }
    asked = 0
    if (redis.isCluster) sendEvents(redis, stream, events)
    else if (writes.length || events.length) sendAll(redis as WithTurn, stream, { reads, writes, events })
    else sendReads(redis, reads)
  }

  /** Before what is asked for is put into the turn. */
  function schedule(): void {
    if (asked === MOST) flush()
    if (asked++ === 0) setImmediate(flush)
  }

  const append: Batches['append'] = (event) =>
    new Promise((resolve, reject) => {
      schedule()
      turn.events.push({ event, resolve, reject })
    })

  if (redis.isCluster) {
    return {
      get: (keys) => Promise.all(keys.map((key) => redis.get(key))),
      async set(key, value, lifetime) {
        await redis.set(key, value, 'PX', lifetime)
      },
      append,
    }
  }

  return {
    append,
    get: (keys) =>
      new Promise((resolve, reject) => {
        if (!keys.length) return resolve([])
        schedule()
        turn.reads.push({ keys, resolve, reject })
      }),
    set: (key, value, lifetime) =>
      new Promise((resolve, reject) => {
        schedule()
        turn.writes.push({ key, value, lifetime, resolve, reject })
      }),
  }
}

/** Each key once, with its place in the answer: nearly all requests of a turn read the same tenant's standing. */
function placesOf(reads: readonly Read[]): Map<string, number> {
  const places = new Map<string, number>()
  for (const { keys } of reads) for (const key of keys) if (!places.has(key)) places.set(key, places.size)
  return places
}

function sendReads(redis: RedisConnection, reads: readonly Read[]): void {
  const places = placesOf(reads)
  redis.mget([...places.keys()]).then(
    (found) => settleReads(reads, places, found),
    (error) => rejectAll(reads, error),
  )
}

function sendEvents(redis: RedisConnection, stream: string, events: readonly Event[]): void {
  redis.xadd(stream, '*', ...fieldsOf(events.map(({ event }) => event))).then(
    () => resolveAll(events),
    (error) => rejectAll(events, error),
  )
}

/** Its answer is that of its reads. Should it fail halfway, nobody hears that anything of it was done. */
function sendAll(redis: WithTurn, stream: string, { reads, writes, events }: Turn): void {
  const places = placesOf(reads)
  const keys = writes.map(({ key }) => key)
  if (events.length) keys.push(stream)
  keys.push(...places.keys())
  const values: (string | number)[] = [writes.length, events.length]
  for (const { value, lifetime } of writes) values.push(value, lifetime)
  for (const { event } of events) values.push(event)
  redis.kcTurn(keys.length, ...keys, ...values).then(
    (found) => {
      resolveAll(writes)
      resolveAll(events)
      settleReads(reads, places, found)
    },
    (error) => {
      for (const waiting of [reads, writes, events]) rejectAll(waiting, error)
    },
  )
}

function resolveAll(waiting: readonly Waiting<void>[]): void {
  for (const { resolve } of waiting) resolve()
}

function settleReads(reads: readonly Read[], places: Map<string, number>, found: readonly (string | null)[]): void {
  for (const { keys, resolve } of reads) resolve(keys.map((key) => found[places.get(key) as number] ?? null))
}

function rejectAll(waiting: readonly { reject(error: unknown): void }[], error: unknown): void {
  for (const { reject } of waiting) reject(error)
}
