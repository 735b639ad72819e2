import { startRedis } from '../../test/services/redis.ts'
import type { Options } from '../options.ts'
import type { Memory } from '../results.ts'
import type { World } from '../world.ts'
import { databaseGrowth } from './database.ts'
import { liveTokens } from './live-tokens.ts'
import { mintOverHttp } from './server.ts'

/** Of the server's runs at the rates, so that a million mints are not all that a run does. */
const LONGER = 4

export async function measureMemory(world: World, { seconds, connections, tokens }: Options): Promise<Memory> {
  const redis = await startRedis()
  try {
    const overHttp = () => mintOverHttp(world, redis.url, { seconds: LONGER * seconds, connections })
    const { liveTokens: live, minted } = await liveTokens(world, redis.url, tokens, overHttp)
    const database = await databaseGrowth(world, tokens)
    return { liveTokens: live, database, node: minted.node, auditEntry: minted.auditEntry }
  } finally {
    await redis.remove()
  }
}
