import type { Logger } from '../server/telemetry/log.ts'
import type { KeyRing } from './key-ring.ts'

interface Following {
  log: Pick<Logger, 'info' | 'error'>
  /** Between the end of one look at the table and the next. */
  intervalMs?: number
}

/**
 * Keeps rings up to date with what other nodes do. An error is logged when it begins and when it ends; in between the
 * node goes on with the keys that it has.
 * @returns how to stop; resolves when the look that was under way is done
 */
export function startFollowing(rings: readonly KeyRing[], { log, intervalMs = 3000 }: Following): () => Promise<void> {
  const failing = new Set<KeyRing>()
  let stopped = false
  let timer: NodeJS.Timeout
  let looking = Promise.resolve()

  async function look(ring: KeyRing): Promise<void> {
    try {
      await ring.follow()
      if (failing.delete(ring)) log.info({ mode: ring.mode }, 'signing keys are followed again')
    } catch (error) {
      if (!failing.has(ring)) log.error({ err: error, mode: ring.mode }, 'signing keys could not be followed')
      failing.add(ring)
    }
  }

  function schedule(): void {
    timer = setTimeout(() => {
      looking = Promise.all(rings.map(look)).then(() => {
        if (!stopped) schedule()
      })
    }, intervalMs)
    timer.unref()
  }

  schedule()
  return async () => {
    stopped = true
    clearTimeout(timer)
    await looking
  }
}
