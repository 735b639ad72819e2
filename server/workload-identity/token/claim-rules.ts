import type { Check, Claims } from '../model.ts'

/** What a platform's tokens may be. Seconds. */
export interface ClaimRules {
  readonly maxLifetime: number
  readonly maxAge: number
  /** SPIFFE JWT-SVID §3: `exp` alone is required. */
  readonly iatOptional: boolean
  readonly audiences: readonly string[]
}

/** Seconds that an issuer's clock may be off. */
export const SKEW = 30
const LONGEST_SUBJECT = 1024

/** RFC 7519 §4.1, in the order that tells most: the first check that failed, if any. */
export const failedClaim = (claims: Claims, rules: ClaimRules, now: number): Check | undefined =>
  failedNumber(claims, rules) ??
  failedTime(claims, rules, now) ??
  failedAudience(claims, rules) ??
  failedSubject(claims)

const isNumber = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value)

/** RFC 7519 §2: a NumericDate is a number; a string that looks like one is not. */
function failedNumber(claims: Claims, { iatOptional }: ClaimRules): Check | undefined {
  const optional = iatOptional ? ['iat', 'nbf'] : ['nbf']
  const wrong = ['exp', 'iat', 'nbf'].find((name) => {
    const value = claims[name]
    return !isNumber(value) && !(value === undefined && optional.includes(name))
  })
  return wrong === undefined ? undefined : failed('missing_claim', { [wrong]: 'a number' }, { [wrong]: claims[wrong] })
}

function failedTime(claims: Claims, { maxLifetime, maxAge }: ClaimRules, now: number): Check | undefined {
  const { exp, iat, nbf } = claims as { exp: number; iat?: number; nbf?: number }
  if (exp <= now - SKEW) return failed('expired', { after: now - SKEW }, { exp })
  if (nbf !== undefined && nbf > now + SKEW) return failed('not_yet_valid', { until: now + SKEW }, { nbf })
  if (iat !== undefined && iat > now + SKEW) return failed('not_yet_valid', { until: now + SKEW }, { iat })
  // Without iat the token counts as issued now: it can't be good for longer than from here.
  const lifetime = exp - (iat ?? now - SKEW)
  if (lifetime <= 0 || lifetime > maxLifetime + (iat === undefined ? SKEW : 0)) {
    return failed('lifetime', { most: maxLifetime }, lifetime)
  }
  if (iat !== undefined && now - iat > maxAge + SKEW) return failed('too_old', { most: maxAge }, now - iat)
  return undefined
}

/** RFC 7519 §4.1.3, and one value only: with several, each of them could present the token here in the workload's place. */
function failedAudience({ aud }: Claims, { audiences }: ClaimRules): Check | undefined {
  const [only, ...others]: unknown[] = Array.isArray(aud) ? aud : [aud]
  const isForUs = typeof only === 'string' && audiences.includes(only)
  return isForUs && others.length === 0 ? undefined : failed('audience', audiences, aud)
}

function failedSubject({ sub }: Claims): Check | undefined {
  const isSubject = typeof sub === 'string' && sub !== '' && sub.length <= LONGEST_SUBJECT
  return isSubject ? undefined : failed('missing_claim', { sub: `a string of 1 to ${LONGEST_SUBJECT}` }, { sub })
}

const failed = (check: string, expected: unknown, got: unknown): Check => ({ check, held: false, expected, got })
