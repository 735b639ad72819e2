import type { Delivered, FetchFailure } from '../outbound/fetched.ts'

/** What came of an attempt, as the delivery log says it: the status, or why there is none. Nothing of the answer itself. */
export interface AttemptOutcome {
  readonly words: string
  readonly delivered: boolean
  /** RFC 9110 §15.5.11: nobody listens there any more, and nobody will. */
  readonly gone: boolean
}

const WORDS: Partial<Record<FetchFailure, string>> = {
  bad_url: 'not a URL',
  not_https: 'not https',
  forbidden_address: 'private address',
  timed_out: 'timeout',
  redirected: 'redirect',
  too_large: 'too large',
}

export function outcomeOf(delivered: Delivered): AttemptOutcome {
  if (!delivered.ok) return { words: WORDS[delivered.reason] ?? 'unreachable', delivered: false, gone: false }
  const { status } = delivered
  return { words: String(status), delivered: status >= 200 && status < 300, gone: status === 410 }
}

/** Where the webhook's secret is sealed under a master key that this node hasn't got. */
export const CANNOT_SIGN: AttemptOutcome = { words: 'could not be signed', delivered: false, gone: false }
