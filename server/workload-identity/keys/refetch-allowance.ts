import type { Clock } from '../../clock.ts'

/**
 * When an issuer may be asked again. Anybody can make up a `kid`, so those who bring one that is unknown share a token
 * bucket: a stray one does not lock out the real one that follows it, and a flood costs one fetch per cool-down, of which
 * each brings the newest keys to everybody. So a key that appears amid a flood is known one cool-down later at most.
 */
export interface RefetchAllowance {
  /** Milliseconds until a fetch may start for the sake of an unknown `kid`; 0: now. */
  waitForUnknown(): number
  /** Milliseconds until an issuer that failed may be asked again for any reason; 0: now. */
  waitAfterFailure(): number
  started(): void
  failed(): void
  succeeded(): void
}

/** Milliseconds. */
export const COOLDOWN = 30_000
const LONGEST_REST = 5 * 60_000
const BURST = 2

export function createRefetchAllowance(clock: Clock): RefetchAllowance {
  /** The time at which the bucket will be full: later by one cool-down for each fetch. */
  let fullAt = 0
  let restUntil = 0
  let failures = 0
  const waitAfterFailure = () => Math.max(0, restUntil - clock.now())

  return {
    waitAfterFailure,
    waitForUnknown: () => Math.max(0, fullAt - (BURST - 1) * COOLDOWN - clock.now(), waitAfterFailure()),
    started() {
      fullAt = Math.min(Math.max(fullAt, clock.now()) + COOLDOWN, clock.now() + BURST * COOLDOWN)
    },
    failed() {
      restUntil = clock.now() + Math.min(COOLDOWN * 2 ** failures, LONGEST_REST)
      failures = Math.min(failures + 1, 10)
    },
    succeeded() {
      failures = 0
      restUntil = 0
    },
  }
}
