import { startRedisCluster } from '../services/redis.ts'
import { createTestDatabase } from '../services/spaces.ts'
import { type Fault, FULL } from './fault.ts'
import { startPlace } from './place.ts'
import { underLoad } from './under-load.ts'

/** Three masters with a replica each. One master is killed; the others vote, and its replica takes over. */
export const redisClusterFailOver: Fault = {
  name: 'redis cluster fail-over',
  deployment: 'cluster with Redis Cluster',
  async run(scale = FULL) {
    const redis = await startRedisCluster({ replicas: 1 })
    const place = await startPlace({ DATABASE_URL: await createTestDatabase(), REDIS_URL: redis.url })
    try {
      return await underLoad(place, scale, {
        name: 'a master is killed',
        asynchronous: true,
        async act(load) {
          await redis.nodes[0]?.stop()
          await load.more(Math.min(scale.requests, 200))
        },
      })
    } finally {
      await place.end()
      await redis.remove()
    }
  },
}
