import type { RedisConnection } from './connection.ts'
import { fieldsOf } from './event-stream.ts'

/** The commands that nearly every request is made of. */
export interface Batches {
  get(key: string): Promise<string | null>
  /** @param lifetime in milliseconds */
  set(key: string, value: string, lifetime: number): Promise<void>
  /** To the stream: see event-stream.ts. */
  append(event: string): Promise<void>
}

/** What one turn asks for. */
interface Turn {
  readonly stream: string
  readonly reads: readonly Read[]
  readonly writes: readonly Write[]
  readonly events: readonly Event[]
}

interface Waiting<T> {
  readonly key: string
  resolve(value: T): void
  reject(error: unknown): void
}

interface Read extends Waiting<string | null> {}

interface Write extends Waiting<void> {
  readonly value: string
  readonly lifetime: number
}

interface Event extends Omit<Waiting<void>, 'key'> {
  readonly event: string
}

/**
 * Whatever one turn of the event loop asks for, of however many requests, is sent together, and all its reads are one
 * MGET: a command costs this process more than it costs Redis, and under load there are many in each turn. ioredis'
 * own auto-pipelining makes a pipeline of each command that comes alone, and holds the next back until it is answered.
 * The events of a turn are one entry of the stream. On Cluster keys have slots of their own, so there each other command
 * goes by itself.
 */
export function createBatches(redis: RedisConnection, stream: string): Batches {
  let reads: Read[] = []
  let writes: Write[] = []
  let events: Event[] = []

  function flush(): void {
    const turn: Turn = { stream, reads, writes, events }
    reads = []
    writes = []
    events = []
    if (redis.isCluster) sendEvents(redis, turn)
    else if (turn.writes.length || turn.events.length) sendAll(redis, turn)
    else sendReads(redis, turn.reads)
  }

  const scheduleFlush = () => {
    if (!reads.length && !writes.length && !events.length) setImmediate(flush)
  }

  const append: Batches['append'] = (event) =>
    new Promise((resolve, reject) => {
      scheduleFlush()
      events.push({ event, resolve, reject })
    })

  if (redis.isCluster) {
    return {
      get: (key) => redis.get(key),
      async set(key, value, lifetime) {
        await redis.set(key, value, 'PX', lifetime)
      },
      append,
    }
  }

  return {
    append,
    get: (key) =>
      new Promise((resolve, reject) => {
        scheduleFlush()
        reads.push({ key, resolve, reject })
      }),
    set: (key, value, lifetime) =>
      new Promise((resolve, reject) => {
        scheduleFlush()
        writes.push({ key, value, lifetime, resolve, reject })
      }),
  }
}

const keysOf = (reads: readonly Read[]): string[] => reads.map(({ key }) => key)

function sendReads(redis: RedisConnection, reads: readonly Read[]): void {
  redis.mget(keysOf(reads)).then(
    (values) => settleReads(reads, values),
    (error) => rejectAll(reads, error),
  )
}

function sendEvents(redis: RedisConnection, { stream, events }: Turn): void {
  redis.xadd(stream, '*', ...fieldsOf(events.map(({ event }) => event))).then(
    () => resolveAll(events),
    (error) => rejectAll(events, error),
  )
}

function sendAll(redis: RedisConnection, { stream, reads, writes, events }: Turn): void {
  const pipeline = redis.pipeline()
  for (const { key, value, lifetime } of writes) pipeline.set(key, value, 'PX', lifetime)
  if (events.length) pipeline.xadd(stream, '*', ...fieldsOf(events.map(({ event }) => event)))
  if (reads.length) pipeline.mget(keysOf(reads))
  pipeline.exec().then(
    (answers) => {
      let at = 0
      const next = (): [Error | null, unknown] => answers?.[at++] ?? [new Error('no answer'), undefined]
      for (const write of writes) settle([write], next())
      if (events.length) settle(events, next())
      if (!reads.length) return
      const [error, values] = next()
      if (error) rejectAll(reads, error)
      else settleReads(reads, values as (string | null)[])
    },
    (error) => rejectAll([...reads, ...writes, ...events], error),
  )
}

function settle(waiting: readonly (Write | Event)[], [error]: [Error | null, unknown]): void {
  if (error) rejectAll(waiting, error)
  else resolveAll(waiting)
}

function resolveAll(waiting: readonly (Write | Event)[]): void {
  for (const { resolve } of waiting) resolve()
}

function settleReads(reads: readonly Read[], values: readonly (string | null)[]): void {
  reads.forEach(({ resolve }, at) => {
    resolve(values[at] ?? null)
  })
}

function rejectAll(waiting: readonly { reject(error: unknown): void }[], error: unknown): void {
  for (const { reject } of waiting) reject(error)
}
