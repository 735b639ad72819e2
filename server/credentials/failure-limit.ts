import type { Clock } from '../clock.ts'
import type { StateStore } from '../storage/state-store.ts'
import { networkOf } from './network.ts'

/**
 * How many failed authentications a minute are answered one by one. Only failures are counted and only failures are
 * answered with 429: the right secret passes at any count, so a stranger's guesses lock nobody out. That is safe
 * because every secret here has 256 random bits: the limit protects the stores, not the secret.
 */
export const FAILURES_PER_MINUTE = { clientFromNetwork: 20, network: 200, client: 1_000 } as const

const WINDOW = 60_000

export interface FailureLimit {
  /** Counts one failure. Seconds to wait if there were too many, else undefined. */
  failed(publicId: string, address: string): Promise<number | undefined>
}

export const createFailureLimit = ({
  state,
  clock,
}: {
  state: Pick<StateStore, 'countFailure'>
  clock: Clock
}): FailureLimit => ({
  async failed(publicId, address) {
    const network = networkOf(address)
    const limits: [string, number][] = [
      [`${publicId}@${network}`, FAILURES_PER_MINUTE.clientFromNetwork],
      [`@${network}`, FAILURES_PER_MINUTE.network],
      [publicId, FAILURES_PER_MINUTE.client],
    ]
    const counts = await Promise.all(limits.map(([key]) => state.countFailure(key, WINDOW)))
    const waits = counts.flatMap(({ count, resetsAt }, at) => {
      const [, most] = limits[at] as [string, number]
      return count > most ? resetsAt - clock.now() : []
    })
    return waits.length ? Math.max(1, Math.ceil(Math.max(...waits) / 1000)) : undefined
  },
})
