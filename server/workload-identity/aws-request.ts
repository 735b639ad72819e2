import { hash } from 'node:crypto'
import { type Clock, epochSeconds } from '../clock.ts'
import type { FetchedJson } from '../outbound/fetched.ts'
import type { Outbound } from '../outbound/outbound.ts'
import type { StateStore } from '../storage/state-store.ts'
import { claimsOf, parseCallerIdentity, principalOf } from './aws/caller-identity.ts'
import { AUDIENCE_HEADER, PATH, parseSignedRequest, type SignedRequest } from './aws/signed-request.ts'
import type { Check, SubjectVerdict, WorkloadProvider } from './model.ts'
import type { SubjectTokens } from './subject-token.ts'
import { SKEW } from './token/claim-rules.ts'

/** The subject token type of such a request (RFC 8693 §3 leaves room for others' types). */
export const AWS_REQUEST = 'urn:ietf:params:aws:token-type:aws4_request'
/** The issuer that a provider for them has. */
export const AWS_STS = 'https://sts.amazonaws.com'

interface Needs {
  /** Ours: what the request must have been signed for unless the provider says otherwise. */
  issuer: string
  outbound: Pick<Outbound, 'postJson'>
  state: Pick<StateStore, 'remember'>
  clock: Clock
}

/** Seconds. AWS takes a signature for fifteen minutes; five are enough to send it. */
const MAX_AGE = 300
const VALID_FOR = 900
/** Anybody can make up a request, so only so many are at AWS at once. */
const MOST_FLIGHTS = 16
const RETRY_AFTER = 5
const LIMITS = { limit: 64 * 1024, timeout: 5_000 }

/** Signed `GetCallerIdentity` requests: AWS is asked who signed. What is sent is our own request with the caller's signature. */
export function createAwsRequests({ issuer, outbound, state, clock }: Needs): SubjectTokens {
  let flights = 0

  function failedRequest({ audience, signedAt }: SignedRequest, { audiences }: WorkloadProvider): Check | undefined {
    const expected = audiences.length > 0 ? audiences : [issuer]
    const now = epochSeconds(clock.now())
    if (!expected.includes(audience)) return failed('audience', expected, audience)
    if (signedAt > now + SKEW) return failed('not_yet_valid', { until: now + SKEW }, { 'x-amz-date': signedAt })
    if (now - signedAt > MAX_AGE + SKEW) return failed('too_old', { most: MAX_AGE }, now - signedAt)
    return undefined
  }

  async function ask({ host, headers }: SignedRequest): Promise<FetchedJson | undefined> {
    if (flights >= MOST_FLIGHTS) return undefined
    flights += 1
    try {
      return await outbound.postJson(`https://${host}${PATH}`, { ...LIMITS, headers })
    } finally {
      flights -= 1
    }
  }

  return {
    async verify(token, provider) {
      if (provider.disabled) return refuse(failed('disabled', 'an enabled provider', provider.id))
      if (provider.issuer !== AWS_STS) return refuse(failed('issuer', provider.issuer, AWS_STS))
      const request = parseSignedRequest(token)
      if (!request) return refuse(failed('malformed', `a signed GetCallerIdentity request with ${AUDIENCE_HEADER}`))
      const unfit = failedRequest(request, provider)
      if (unfit) return refuse(unfit)

      const answer = await ask(request)
      if (!answer?.ok) return unanswered(answer)
      const caller = parseCallerIdentity(answer.value)
      if (!caller) return refuse(failed('signature', 'an answer to GetCallerIdentity', 'another answer'))
      const { signature: jti, signedAt: issuedAt } = request
      const expiresAt = issuedAt + VALID_FOR
      const claims = claimsOf(AWS_STS, caller)
      return { ok: true, subject: { issuer: AWS_STS, subject: principalOf(caller), claims, jti, issuedAt, expiresAt } }
    },

    /** Whatever the provider says: a fresh signature costs the client nothing. */
    isFirstUse({ jti = '', expiresAt }, { tenantId }) {
      const name = hash('sha256', JSON.stringify([tenantId, AWS_STS, jti]), 'base64url')
      return state.remember(`subject:${name}`, (expiresAt + SKEW + 5) * 1000)
    },
  }
}

/** AWS refuses what it does not know the signature of with 400 or 403; anything else says nothing about it. */
function unanswered(answer: Exclude<FetchedJson, { ok: true }> | undefined): SubjectVerdict {
  const isRefused = answer?.reason === 'bad_status' && (answer.detail === '400' || answer.detail === '403')
  if (isRefused) return refuse(failed('signature', 'one that AWS takes', answer.detail))
  const check = failed('keys_unavailable', 'an answer of AWS', answer?.reason ?? 'too_many_requests')
  return { ok: false, failed: check, retryAfter: RETRY_AFTER }
}

const failed = (check: string, expected: unknown, got?: unknown): Check => ({
  ...{ check, held: false, expected },
  ...(got !== undefined && { got }),
})

const refuse = (check: Check): SubjectVerdict => ({ ok: false, failed: check })
