/** The time, handed to whatever needs it, so that tests own it. Milliseconds since the epoch. */
export interface Clock {
  now(): number
}

export const systemClock: Clock = { now: () => Date.now() }

/** RFC 7519 NumericDate, RFC 7662 `exp` and `iat`: whole seconds. */
export const epochSeconds = (milliseconds: number): number => Math.floor(milliseconds / 1000)
