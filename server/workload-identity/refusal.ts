import type { OAuthError } from '../oauth/oauth-error.ts'
import type { Check, SubjectVerdict } from './model.ts'

/** How one binding saw a token. */
export interface BindingReport {
  readonly bindingId: string
  readonly providerId: string
  /** Whether the checks are of its conditions; else what stopped it before. */
  readonly verified: boolean
  readonly checks: readonly Check[]
}

/** Why a platform's token gives nothing. */
export interface WorkloadRefusal {
  /** The name of the check, `conditions` where no binding matched; what the caller may know. */
  readonly failed: string
  /** Which conditions of the binding that came nearest did not hold, by their names. */
  readonly conditions: readonly string[]
  /** For admins and the audit log alone. */
  readonly bindings: readonly BindingReport[]
  /** Where the token is good and the request isn't. */
  readonly error?: OAuthError | undefined
  /** Seconds: the fault is the issuer's, and may pass. */
  readonly retryAfter?: number | undefined
}

/** Seconds, where the issuer's keys are away and nobody knows for how long. */
const RETRY_AFTER = 10

/** Of several providers for one issuer the one that got furthest tells; one whose keys are away might still accept. */
export function refusalOf(bindings: readonly BindingReport[], verdicts: readonly SubjectVerdict[]): WorkloadRefusal {
  const failed = verdicts.filter((verdict) => !verdict.ok)
  if (failed.length < verdicts.length) {
    return { failed: 'conditions', conditions: nearest(bindings.filter(({ verified }) => verified)), bindings }
  }
  const away = failed.find((verdict) => verdict.failed.check === 'keys_unavailable')
  const first = away ?? failed[0]
  return {
    ...{ failed: first?.failed.check ?? 'issuer', conditions: [], bindings },
    ...(away && { retryAfter: away.retryAfter ?? RETRY_AFTER }),
  }
}

function nearest(bindings: readonly BindingReport[]): readonly string[] {
  const failures = bindings.map(({ checks }) => checks.filter(({ held }) => !held).map(({ check }) => check))
  return failures.reduce((least, each) => (each.length < least.length ? each : least), failures[0] ?? [])
}
