import { type Fault, FULL } from './fault.ts'
import { startPlace } from './place.ts'
import { underLoad } from './under-load.ts'

/** `kill -9` of the only node, on its embedded database, twice: it starts again on what the first kill left. */
export const killTheOnlyOne: Fault = {
  name: 'kill the only one',
  deployment: 'embedded',
  async run(scale = FULL) {
    const place = await startPlace({}, [{}])
    const [node] = place.nodes as [(typeof place.nodes)[0]]
    try {
      return await underLoad(place, scale, {
        name: 'kill -9 and start, twice',
        async act(load) {
          await node.kill()
          await node.start()
          await load.more(scale.requests)
          await node.kill()
          await load.more(10)
          await node.start()
        },
      })
    } finally {
      await place.end()
    }
  },
}
