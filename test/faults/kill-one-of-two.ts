import { createTestDatabase, createTestRedis } from '../services/spaces.ts'
import { type Fault, FULL } from './fault.ts'
import { startPlace } from './place.ts'
import { underLoad } from './under-load.ts'

/** `kill -9` of a node, and of the other one, each while both are under load. It comes back as it was. */
const killOneOfTwo = (deployment: string, withRedis: boolean): Fault => ({
  name: 'kill one of two',
  deployment,
  async run(scale = FULL) {
    const stores = {
      DATABASE_URL: await createTestDatabase(),
      ...(withRedis && { REDIS_URL: await createTestRedis() }),
    }
    const place = await startPlace(stores)
    try {
      return await underLoad(place, scale, {
        name: 'kill -9 of each node in turn',
        async act(load) {
          for (const node of place.nodes) {
            await node.kill()
            await load.more(scale.requests)
            await node.start()
            await load.more(scale.requests)
          }
        },
      })
    } finally {
      await place.end()
    }
  },
})

export const killOneOfTwoOnCluster = killOneOfTwo('cluster', true)
export const killOneOfTwoOnPostgres = killOneOfTwo('database', false)
