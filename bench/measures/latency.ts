import { fixedRate } from '../load/fixed-rate.ts'
import { QUEUES } from '../load/queues.ts'
import { sendAll } from '../load/send-all.ts'
import type { Options } from '../options.ts'
import type { Latency } from '../results.ts'
import type { World } from '../world.ts'
import { caughtUp } from './caught-up.ts'
import type { Measure } from './measure.ts'

/** Of the promised rate. */
const SHARE = 0.7
/** Seconds that aren't counted: the connections are made, and code that was idle is in use. */
const WARM_UP = 1

/** Latency at 70 % of the promised rate; undefined where none is promised. */
export async function latencyOf(
  measure: Measure,
  world: World,
  processes: number,
  { seconds, clients }: Options,
): Promise<Latency | undefined> {
  const { name, title, promised } = measure
  if (!promised?.perSecond) return undefined
  const perSecond = Math.round(promised.perSecond * SHARE)
  const { requests, script = 'requests' } = await measure.prepare(world)
  await sendAll(world.ours.port, await requests(clients))
  const run = async (length: number) => {
    const queue = QUEUES[script](await requests(perSecond * length))
    const latency = await fixedRate({ port: world.ours.port, queue, perSecond, seconds: length })
    await caughtUp(world)
    return latency
  }
  await run(WARM_UP)
  return { name, title, processes, ...(await run(Math.max(2 * seconds, WARM_UP))) }
}
