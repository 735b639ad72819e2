const SECOND = 1_000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE

/** Standard Webhooks 1.0.0, "Retry schedule": after the first attempt, the second, and so on. Three days in all. */
const DELAYS = [...[5 * SECOND, 5 * MINUTE, 30 * MINUTE], ...[2, 5, 10, 14, 20, 24].map((hours) => hours * HOUR)]

/** Up to so much more, so that what failed together isn't tried again together. */
const JITTER = 0.2

/**
 * When to try again, in milliseconds; undefined: never.
 * @param attempts how many there were
 * @param random 0 to 1
 */
export function nextAttemptAt(attempts: number, now: number, random: number): number | undefined {
  const delay = DELAYS[attempts - 1]
  return delay === undefined ? undefined : Math.round(now + delay * (1 + random * JITTER))
}
