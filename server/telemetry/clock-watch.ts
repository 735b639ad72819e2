import type { Logger } from 'pino'
import type { Clock } from '../clock.ts'

/** Milliseconds between two looks by which time may differ before anybody is told. Clocks that are disciplined slew by less. */
const TELLING = 5_000

interface Needs {
  readonly clock: Clock
  readonly log: Pick<Logger, 'warn'>
  /** Milliseconds that have really passed, since whenever. */
  readonly elapsed?: () => number
}

/**
 * Tokens end, and proofs are young, by this machine's clock. It goes on when somebody sets it, and nothing here can know
 * which time is right; so whoever reads the log is told that it was set, and by how much.
 */
export function createClockWatch({ clock, log, elapsed = () => performance.now() }: Needs) {
  const look = () => ({ shown: clock.now(), passed: elapsed() })
  let last = look()
  return {
    look() {
      const now = look()
      const jump = now.shown - last.shown - (now.passed - last.passed)
      last = now
      if (Math.abs(jump) < TELLING) return
      const seconds = Math.round(jump / 1_000)
      log.warn(
        { seconds },
        "this machine's clock was set, or it slept: tokens and proofs are judged by it; see `keycourt doctor`",
      )
    },
  }
}
