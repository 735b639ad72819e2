import type { Clock } from '../server/clock.ts'

/** A clock that stands still until a test moves it. */
export interface TestClock extends Clock {
  advance(milliseconds: number): void
}

/** Starts at the real time, because Redis counts lifetimes by its own. */
export function createTestClock(start = Date.now()): TestClock {
  let now = start
  return {
    now: () => now,
    advance(milliseconds) {
      now += milliseconds
    },
  }
}
