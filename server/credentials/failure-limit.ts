import { LRUCache } from 'lru-cache'
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
  /**
   * Counts one failure. Seconds to wait if there were too many, else undefined.
   * @param publicId of a client that exists; without one only the network is counted, so that made-up ids fill no store
   */
  failed(publicId: string | undefined, address: string): Promise<number | undefined>
}

interface Needs {
  state: Pick<StateStore, 'countFailure'>
  clock: Clock
}

export function createFailureLimit({ state, clock }: Needs): FailureLimit {
  /** Until when what is limited stays so. A flood is answered from here, and costs the store nothing more. */
  const limitedUntil = new LRUCache<string, number>({ max: 10_000 })

  async function limitedTo(key: string, most: number): Promise<number> {
    const { count, resetsAt } = await state.countFailure(key, WINDOW)
    if (count <= most) return 0
    limitedUntil.set(key, resetsAt)
    return resetsAt
  }

  return {
    async failed(publicId, address) {
      const now = clock.now()
      const network = networkOf(address)
      const limits: [string, number][] = [[`@${network}`, FAILURES_PER_MINUTE.network]]
      if (publicId) {
        limits.push([`${publicId}@${network}`, FAILURES_PER_MINUTE.clientFromNetwork])
        limits.push([publicId, FAILURES_PER_MINUTE.client])
      }
      const known = Math.max(...limits.map(([key]) => limitedUntil.get(key) ?? 0))
      const until = known > now ? known : Math.max(...(await Promise.all(limits.map((limit) => limitedTo(...limit)))))
      return until > now ? Math.ceil((until - now) / 1000) : undefined
    },
  }
}
