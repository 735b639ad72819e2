import { answered, unanswered } from './answered.ts'
import type { RedisConnection } from './connection.ts'
import { FIELD, fieldsOf } from './event-stream.ts'

/** The commands that nearly every request is made of. They reject with {@link StoreUnavailable}. */
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
  readonly events: string[]
  /** Settles with its writes and events, all of them at once. */
  readonly done: PromiseWithResolvers<void>
}

interface Read {
  readonly keys: readonly string[]
  resolve(found: (string | null)[]): void
  reject(error: unknown): void
}

interface Write {
  readonly key: string
  readonly value: string
  readonly lifetime: number
}

function newTurn(): Turn {
  const done = Promise.withResolvers<void>()
  // A turn of reads alone has nobody who waits for it.
  done.promise.catch(() => {})
  return { reads: [], writes: [], events: [], done }
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
  let turn = newTurn()
  let asked = 0

  function flush(): void {
    if (asked === 0) return
    const taken = turn
    turn = newTurn()
    asked = 0
    if (redis.isCluster) sendEvents(redis, stream, taken)
    else if (taken.writes.length || taken.events.length) sendAll(redis as WithTurn, stream, taken)
    else sendReads(redis, taken.reads)
  }

  /** Before what is asked for is put into the turn. */
  function schedule(): void {
    if (asked === MOST) flush()
    if (asked++ === 0) setImmediate(flush)
  }

  function append(event: string): Promise<void> {
    schedule()
    turn.events.push(event)
    return turn.done.promise
  }

  if (redis.isCluster) {
    return {
      get: (keys) => answered(Promise.all(keys.map((key) => redis.get(key)))),
      async set(key, value, lifetime) {
        await answered(redis.set(key, value, 'PX', lifetime))
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
    set(key, value, lifetime) {
      schedule()
      turn.writes.push({ key, value, lifetime })
      return turn.done.promise
    },
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
    (error) => rejectAll(reads, unanswered(error)),
  )
}

function sendEvents(redis: RedisConnection, stream: string, { events, done }: Turn): void {
  redis.xadd(stream, '*', ...fieldsOf(events)).then(
    () => done.resolve(),
    (error) => done.reject(unanswered(error)),
  )
}

/** Its answer is that of its reads. Should it fail halfway, nobody hears that anything of it was done. */
function sendAll(redis: WithTurn, stream: string, { reads, writes, events, done }: Turn): void {
  const places = placesOf(reads)
  const keys = writes.map(({ key }) => key)
  if (events.length) keys.push(stream)
  keys.push(...places.keys())
  const values: (string | number)[] = [writes.length, events.length]
  for (const { value, lifetime } of writes) values.push(value, lifetime)
  values.push(...events)
  redis.kcTurn(keys.length, ...keys, ...values).then(
    (found) => {
      done.resolve()
      settleReads(reads, places, found)
    },
    (error) => {
      const failure = unanswered(error)
      done.reject(failure)
      rejectAll(reads, failure)
    },
  )
}

function settleReads(reads: readonly Read[], places: Map<string, number>, found: readonly (string | null)[]): void {
  for (const { keys, resolve } of reads) resolve(keys.map((key) => found[places.get(key) as number] ?? null))
}

function rejectAll(reads: readonly Read[], error: unknown): void {
  for (const { reject } of reads) reject(error)
}
