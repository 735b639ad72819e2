import { LRUCache } from 'lru-cache'
import type { Clock } from '../clock.ts'
import type { StateStore } from '../storage/state-store.ts'

/** How a caller stands to its limit after one more request. */
export interface Allowance {
  readonly isAllowed: boolean
  readonly remaining: number
  /** Seconds until it is whole again. */
  readonly resetsIn: number
}

export interface RateLimit {
  /** Requests that a client may make in {@link WINDOW_SECONDS}. */
  readonly limit: number
  count(ref: string): Promise<Allowance>
}

export const WINDOW_SECONDS = 60

/** Into so many parts a limit is shared out among the nodes, and so often at most a client's minute is written. */
const LEASES = 20

/** What this node knows of a client's minute. */
interface Minute {
  /** Of what this node took for itself, what is left. */
  own: number
  /** What nobody had taken when it last did. */
  untaken: number
  resetsAt: number
  taking: Promise<void> | undefined
}

interface Needs {
  state: Pick<StateStore, 'countFailure'>
  clock: Clock
  limit: number
}

/**
 * One limit for all nodes without a write for each request: a node takes a twentieth of it at a time, and counts that
 * down by itself. Never more than the limit passes; up to a twentieth less for every other node that took some and has
 * it still.
 */
export function createRateLimit({ state, clock, limit }: Needs): RateLimit {
  const lease = Math.ceil(limit / LEASES)
  const minutes = new LRUCache<string, Minute>({ max: 10_000 })

  async function take(ref: string, minute: Minute): Promise<void> {
    const { count, resetsAt } = await state.countFailure(`api:${ref}`, WINDOW_SECONDS * 1000, lease)
    minute.own += Math.max(0, Math.min(lease, limit - (count - lease)))
    minute.untaken = Math.max(0, limit - count)
    minute.resetsAt = resetsAt
  }

  function minuteOf(ref: string): Minute {
    const known = minutes.get(ref)
    if (known && (known.taking || known.resetsAt > clock.now())) return known
    const begun = { own: 0, untaken: limit, resetsAt: 0, taking: undefined }
    minutes.set(ref, begun)
    return begun
  }

  return {
    limit,
    async count(ref) {
      const minute = minuteOf(ref)
      // All that find it empty at once wait for the same lease; it may be too small for them all.
      while (minute.own === 0 && minute.untaken > 0) {
        minute.taking ??= take(ref, minute).finally(() => {
          minute.taking = undefined
        })
        await minute.taking
      }
      const isAllowed = minute.own > 0
      if (isAllowed) minute.own -= 1
      const resetsIn = Math.max(1, Math.ceil((minute.resetsAt - clock.now()) / 1000))
      return { isAllowed, remaining: minute.own + minute.untaken, resetsIn }
    },
  }
}
