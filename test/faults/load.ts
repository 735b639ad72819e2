import { setTimeout as after } from 'node:timers/promises'
import type { Ledger } from './ledger.ts'

/** One kind of thing that clients do, again and again, and what is to be so because of what they were answered. */
export interface Work {
  /** The kind of request that it is about. */
  readonly requests: string
  /** Once. Counts itself. */
  step(): Promise<void>
  /** When the deployment is well again: whether what was answered is so. */
  check(): Promise<void>
}

export interface Load {
  /** Resolves when `count` more steps were taken. */
  more(count: number): Promise<void>
  /** Resolves when `count` more requests have failed: not every fault is felt at once. */
  failures(count: number): Promise<void>
  stop(): Promise<void>
}

/** Milliseconds that clients wait while there are failures, whosever: twice as long each time, up to the second of them. */
const BACKOFF = [25, 500] as const

/** @param lanes clients of each kind, at the same time */
export function startLoad(works: readonly Work[], ledger: Ledger, lanes: number): Load {
  let taken = 0
  let stopped = false
  const waiting = new Set<() => void>()

  async function lane(work: Work): Promise<void> {
    const [least, most] = BACKOFF
    let wait: number = least
    while (!stopped) {
      const before = ledger.failures()
      await work.step()
      taken += 1
      for (const look of [...waiting]) look()
      if (ledger.failures() === before) wait = least
      else {
        await after(wait)
        wait = Math.min(2 * wait, most)
      }
    }
  }
  const running = Promise.all(works.flatMap((work) => Array.from({ length: lanes }, () => lane(work))))
  running.catch(() => {}) // whoever waits hears of it

  async function until(isEnough: () => boolean): Promise<void> {
    const reached = new Promise<void>((resolve) => {
      const look = () => {
        if (!isEnough()) return
        waiting.delete(look)
        resolve()
      }
      waiting.add(look)
      look()
    })
    await Promise.race([reached, running])
  }

  return {
    more(count) {
      const enough = taken + count
      return until(() => taken >= enough)
    },
    failures(count) {
      const enough = ledger.failures() + count
      return until(() => ledger.failures() >= enough)
    },
    async stop() {
      stopped = true
      await running
    },
  }
}
