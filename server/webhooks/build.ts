import type { Change } from '../audit/change.ts'
import type { Foundation } from '../build.ts'
import type { Outbound } from '../outbound/outbound.ts'
import { startRepeating } from '../repeating.ts'
import { createDelivery } from './deliver.ts'
import { resealSecrets } from './secrets.ts'

interface Needs {
  readonly change: Change
  readonly outbound: Outbound
}

/** Longest that a message waits before anybody looks, whichever node has written it. */
const DELIVERY_INTERVAL = 2_000
const RESEAL_INTERVAL = 15 * 60_000

/** Sends what there is to send, of both modes, until it is stopped. */
export function startWebhooks(foundation: Foundation, { change, outbound }: Needs) {
  const { storage, masterKeys, clock, log } = foundation
  const { database } = storage
  const delivery = createDelivery({ database, change, outbound, masterKeys, clock, log })
  const stops = [
    startRepeating({ name: 'webhook delivery', intervalMs: DELIVERY_INTERVAL, log, run: delivery.begin }),
    startRepeating({
      name: 'sealing of webhook secrets under the current master key',
      intervalMs: RESEAL_INTERVAL,
      log,
      run: () => resealSecrets(database, masterKeys),
    }),
  ]
  return {
    async stop() {
      await delivery.stop()
      await Promise.all(stops.map((stop) => stop()))
    },
  }
}
