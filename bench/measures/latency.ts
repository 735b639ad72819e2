import { fixedRateApart } from '../load/fixed-rate-apart.ts'
import { sendAll } from '../load/send-all.ts'
import type { Options } from '../options.ts'
import type { Latency } from '../results.ts'
import type { World } from '../world.ts'
import { caughtUp } from './caught-up.ts'
import type { Measure } from './measure.ts'

/** Of the promised rate. */
const SHARE = 0.7
/** Seconds that aren't counted: the connections are made, and code that was idle is in use again. */
const WARM_UP = 2

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
  const counted = Math.max(2 * seconds, WARM_UP)
  const latency = await fixedRateApart({
    ...{ port: world.ours.port, script, perSecond, seconds: counted, warmUp: WARM_UP },
    requests: await requests(perSecond * (WARM_UP + counted)),
  })
  await caughtUp(world)
  return { name, title, processes, ...latency }
}
