import type { WorkloadRefusal } from '../workload-identity/refusal.ts'
import { fail, type OAuthErrorCode } from './oauth-error.ts'

/** For the workload, whose own token it is: which check failed. What was expected of it is for the tenant's admins. */
const WORDS: Readonly<Record<string, string>> = {
  malformed: 'it is not in the form of its type',
  algorithm: 'its algorithm (alg) is not allowed',
  issuer: 'the service user has no binding for its issuer (iss)',
  key: 'its issuer has no such key (kid)',
  signature: 'its signature does not verify',
  type: 'its type (typ) is not allowed',
  audience: 'its audience (aud) is not the one that is expected',
  expired: 'it has expired (exp)',
  not_yet_valid: 'it is not valid yet (nbf, iat)',
  too_old: 'it was issued too long ago (iat)',
  lifetime: 'it is valid for too long (exp, iat)',
  missing_claim: 'it lacks a claim that is required',
  replayed: 'it was used before, and is good once',
  disabled: 'the provider or the binding is disabled',
  conditions: 'no binding matched',
}

/** @param code of a token that isn't acceptable; it differs between the doors */
export function workloadRefused({ failed, conditions, error, retryAfter }: WorkloadRefusal, code: OAuthErrorCode) {
  if (error) return { ok: false as const, error: { ...error, reason: failed } }
  if (retryAfter !== undefined) {
    return fail('temporarily_unavailable', "the keys of the token's issuer can't be had right now", { retryAfter })
  }
  const words = WORDS[failed] ?? 'it is not acceptable'
  const which = conditions.length ? `: ${printable(conditions.join(', '))}` : ''
  return fail(code, `the token was refused (${failed}): ${words}${which}`, { reason: failed })
}

/** RFC 6749 §5.2: what error_description may hold. */
const printable = (names: string): string => names.slice(0, 300).replace(/[^\x20\x21\x23-\x5b\x5d-\x7e]/g, '?')
