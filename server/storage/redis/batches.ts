import type { RedisConnection } from './connection.ts'

/** The two commands that nearly every request is made of. */
export interface Batches {
  get(key: string): Promise<string | null>
  /** @param lifetime in milliseconds */
  set(key: string, value: string, lifetime: number): Promise<void>
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

/**
 * Whatever one turn of the event loop asks for, of however many requests, is sent together, and all its reads are one
 * MGET: a command costs this process more than it costs Redis, and under load there are many in each turn. ioredis'
 * own auto-pipelining makes a pipeline of each command that comes alone, and holds the next back until it is answered.
 * On Cluster keys have slots of their own, so there each command goes by itself.
 */
export function createBatches(redis: RedisConnection): Batches {
  if (redis.isCluster) {
    return {
      get: (key) => redis.get(key),
      async set(key, value, lifetime) {
        await redis.set(key, value, 'PX', lifetime)
      },
    }
  }

  let reads: Read[] = []
  let writes: Write[] = []

  function flush(): void {
    const [asked, given] = [reads, writes]
    reads = []
    writes = []
    if (given.length) sendAll(redis, asked, given)
    else sendReads(redis, asked)
  }

  const scheduleFlush = () => {
    if (!reads.length && !writes.length) setImmediate(flush)
  }

  return {
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

function sendAll(redis: RedisConnection, reads: readonly Read[], writes: readonly Write[]): void {
  const pipeline = redis.pipeline()
  for (const { key, value, lifetime } of writes) pipeline.set(key, value, 'PX', lifetime)
  if (reads.length) pipeline.mget(keysOf(reads))
  pipeline.exec().then(
    (answers) => {
      writes.forEach(({ resolve, reject }, at) => {
        const [error] = answers?.[at] ?? [new Error('no answer')]
        if (error) reject(error)
        else resolve()
      })
      if (!reads.length) return
      const [error, values] = answers?.[writes.length] ?? [new Error('no answer'), undefined]
      if (error) rejectAll(reads, error)
      else settleReads(reads, values as (string | null)[])
    },
    (error) => rejectAll([...reads, ...writes], error),
  )
}

function settleReads(reads: readonly Read[], values: readonly (string | null)[]): void {
  reads.forEach(({ resolve }, at) => {
    resolve(values[at] ?? null)
  })
}

function rejectAll(waiting: readonly { reject(error: unknown): void }[], error: unknown): void {
  for (const { reject } of waiting) reject(error)
}
