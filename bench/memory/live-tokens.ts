import { setTimeout as pause } from 'node:timers/promises'
import { Redis } from 'ioredis'
import type { Memory } from '../results.ts'
import { openStores } from '../seed/stores.ts'
import type { World } from '../world.ts'
import { mintDirectly } from './mint-directly.ts'
import type { MintedOverHttp } from './server.ts'

/** What `tokens` live ones take of an otherwise empty Redis, and what is left of that when they are over. */
export async function liveTokens(
  world: World,
  redisUrl: string,
  tokens: number,
  overHttp: () => Promise<MintedOverHttp>,
): Promise<{ liveTokens: Memory['liveTokens']; minted: MintedOverHttp }> {
  const redis = new Redis(redisUrl)
  const stores = await openStores({ databaseUrl: world.postgresUrl, redisUrl, dataDir: world.dir })
  try {
    const before = await usedMemory(redis)
    const minted = await overHttp()
    await mintDirectly(stores, world.issuer, await world.keys(), Math.max(0, tokens - minted.mints))
    const all = Math.max(tokens, minted.mints)
    const full = await usedMemory(redis)
    await bringForward(redis)
    await settled(redis)
    const bytesEach = (full - before) / all
    const [after, keysAfter] = [await usedMemory(redis), await redis.dbsize()]
    return {
      liveTokens: { tokens: all, overHttp: minted.mints, bytesEach, before, with: full, after, keysAfter },
      minted,
    }
  } finally {
    await stores.close()
    redis.disconnect()
  }
}

async function usedMemory(redis: Redis): Promise<number> {
  return Number(/^used_memory:(\d+)/m.exec(await redis.info('memory'))?.[1])
}

/** Milliseconds. */
const SOON = 5_000

/** An hour is too long to wait: whatever ends by itself ends within seconds, and Redis removes it as it would have then. */
async function bringForward(redis: Redis): Promise<void> {
  for await (const keys of redis.scanStream({ count: 2_000 })) {
    const pipeline = redis.pipeline()
    for (const key of keys as string[]) pipeline.pexpire(key, 1 + Math.floor(Math.random() * SOON), 'LT')
    await pipeline.exec()
  }
}

const LOOK = 1_000
const MOST_LOOKS = 120

/** Redis removes what is over bit by bit, and its tables shrink after that. */
async function settled(redis: Redis): Promise<void> {
  let before = Number.POSITIVE_INFINITY
  for (let look = 0; look < MOST_LOOKS; look++) {
    await pause(LOOK)
    const now = await usedMemory(redis)
    const isSteady = Math.abs(before - now) < now / 1_000
    if (isSteady && (await redis.dbsize()) < 100) return
    before = now
  }
}
