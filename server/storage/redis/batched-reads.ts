import type { RedisConnection } from './connection.ts'

/** What is held under a key, or null. */
export type Read = (key: string) => Promise<string | null>

interface Waiting {
  resolve(value: string | null): void
  reject(error: unknown): void
}

/**
 * All reads that one turn of the event loop asks for, of however many requests, are one MGET: a command costs this
 * process more than Redis, and under load there are many in each turn. On Cluster keys have slots of their own, so
 * there each is a GET.
 */
export function batchedReads(redis: RedisConnection): Read {
  if (redis.isCluster) return (key) => redis.get(key)
  let keys: string[] = []
  let waiting: Waiting[] = []

  async function flush(): Promise<void> {
    const [asked, askers] = [keys, waiting]
    keys = []
    waiting = []
    try {
      const values = await redis.mget(asked)
      askers.forEach(({ resolve }, at) => void resolve(values[at] ?? null))
    } catch (error) {
      for (const { reject } of askers) reject(error)
    }
  }

  return (key) =>
    new Promise((resolve, reject) => {
      if (!keys.length) setImmediate(flush)
      keys.push(key)
      waiting.push({ resolve, reject })
    })
}
