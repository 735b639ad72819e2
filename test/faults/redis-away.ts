import { startRedis } from '../services/redis.ts'
import { createTestDatabase } from '../services/spaces.ts'
import { inEveryWay } from './away.ts'
import { type Fault, FULL } from './fault.ts'
import { startPlace } from './place.ts'

/** By default Redis puts writes off while an fsync is under way, and loses them when it is killed then. */
const DURABLE = ['--appendonly', 'yes', '--appendfsync', 'always']

export const redisAway: Fault = {
  name: 'redis away',
  deployment: 'cluster',
  async run(scale = FULL) {
    const DATABASE_URL = await createTestDatabase()
    return inEveryWay(await startRedis(...DURABLE), scale, (url) => startPlace({ DATABASE_URL, REDIS_URL: url }))
  },
}
