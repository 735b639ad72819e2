import type { CachingHeaders } from './fetched.ts'

/** Milliseconds. */
export interface FreshnessBounds {
  readonly shortest: number
  /** Where the headers say nothing. */
  readonly usual: number
  readonly longest: number
}

const MAX_AGE = /(?:^|,)\s*max-age\s*=\s*"?(\d{1,10})/i
const NEVER = /(?:^|,)\s*(?:no-store|no-cache)\s*(?:,|=|$)/i

/** Milliseconds for which a document is taken as it is: what RFC 9111 §4.2 says, within bounds of ours. */
export function freshFor({ cacheControl = '', age, expires }: CachingHeaders, now: number, bounds: FreshnessBounds) {
  const bounded = (milliseconds: number) => Math.min(Math.max(milliseconds, bounds.shortest), bounds.longest)
  if (NEVER.test(cacheControl)) return bounds.shortest
  const [, maxAge] = MAX_AGE.exec(cacheControl) ?? []
  if (maxAge !== undefined) return bounded((Number(maxAge) - secondsOf(age)) * 1000)
  // RFC 9111 §5.3: what is no date is in the past.
  if (expires !== undefined) return bounded((Date.parse(expires) || 0) - now)
  return bounds.usual
}

const secondsOf = (age: string | undefined): number => (age !== undefined && /^\d{1,10}$/.test(age) ? Number(age) : 0)
