import { hash } from 'node:crypto'
import { type CryptoKey, compactVerify } from 'jose'
import { type Clock, epochSeconds } from '../clock.ts'
import type { StateStore } from '../storage/state-store.ts'
import type { IssuerKeys } from './issuer-keys.ts'
import type { Check, Claims, SubjectVerdict, VerifiedSubject, WorkloadProvider } from './model.ts'
import { limitsOf, presetOf } from './presets/index.ts'
import { failedClaim, SKEW } from './token/claim-rules.ts'
import { readCompact } from './token/compact.ts'
import { readHeader } from './token/header-rules.ts'

/** Tokens of the platforms that a tenant trusts. */
export interface SubjectTokens {
  /** Everything but whether it was used before. Never rejects for what is in the token. */
  verify(token: string, provider: WorkloadProvider): Promise<SubjectVerdict>
  /** Of any number of callers with this token, on all nodes together, one gets true; all do where it may be used again. */
  isFirstUse(subject: VerifiedSubject, provider: WorkloadProvider, token: string): Promise<boolean>
}

interface Needs {
  /** Ours: what tokens are meant for unless the provider says otherwise. */
  issuer: string
  keys: Pick<IssuerKeys, 'find'>
  state: Pick<StateStore, 'remember'>
  clock: Clock
}

const LONGEST_JTI = 512

/** RFC 8693 §2.1, RFC 7523 §3: the checks of a subject token, cheapest and safest first. The first that fails is the answer. */
export function createSubjectTokens({ issuer, keys, state, clock }: Needs): SubjectTokens {
  /** RFC 7523 §3 (1): to the letter, before anything is fetched. Our own tokens are no platform's. */
  function failedIssuer({ iss }: Claims, provider: WorkloadProvider): Check | undefined {
    if (iss === provider.issuer && iss !== issuer) return undefined
    return failed('issuer', provider.issuer, iss)
  }

  function failedClaims(claims: Claims, provider: WorkloadProvider): Check | undefined {
    const { maxLifetime, maxAge } = limitsOf(provider)
    const audiences = provider.audiences.length > 0 ? provider.audiences : [issuer]
    // SPIFFE JWT-SVID §3: only exp is sure to be there.
    const rules = { maxLifetime, maxAge, audiences, iatOptional: provider.platform === 'spiffe' }
    return failedClaim(claims, rules, epochSeconds(clock.now())) ?? failedId(claims, provider)
  }

  return {
    async verify(text, provider) {
      if (provider.disabled) return refuse(failed('disabled', 'an enabled provider', provider.id))
      const read = readCompact(text)
      if (!read.ok) return refuse(read.failed)
      const { header, claims } = read.token
      const { algorithms } = presetOf(provider.platform)
      // SPIFFE JWT-SVID §2.2: kid is optional.
      const named = readHeader(header, { algorithms, kidOptional: provider.platform === 'spiffe' })
      if (!named.ok) return refuse(named.failed)
      const stranger = failedIssuer(claims, provider)
      if (stranger) return refuse(stranger)

      const found = await keys.find(provider, named.hint)
      if (!found.ok) return found
      const isSigned = await verified(text, found.key, named.hint.alg)
      if (!isSigned) return refuse(failed('signature', 'by the key of the issuer', named.hint))
      const unfit = failedClaims(claims, provider)
      return unfit ? refuse(unfit) : { ok: true, subject: subjectOf(claims, epochSeconds(clock.now())) }
    },

    async isFirstUse({ jti, issuer: theirs, expiresAt }, { singleUse, tenantId }, token) {
      if (!singleUse) return true
      // Of the token only what is signed counts: a signature can be spelled in more ways than one.
      const identity = jti === undefined ? ['token', token.slice(0, token.lastIndexOf('.'))] : ['jti', jti]
      const name = hash('sha256', JSON.stringify([tenantId, theirs, ...identity]), 'base64url')
      return state.remember(`subject:${name}`, Math.ceil((expiresAt + SKEW + 5) * 1000))
    },
  }
}

const verified = (token: string, key: CryptoKey, alg: string): Promise<boolean> =>
  compactVerify(token, key, { algorithms: [alg] }).then(
    () => true,
    () => false, // forged, or no signature at all: one answer
  )

/** RFC 7519 §4.1.7: where a token is good once, it must be nameable. */
function failedId({ jti }: Claims, { singleUse }: WorkloadProvider): Check | undefined {
  const isName = typeof jti === 'string' && jti !== '' && jti.length <= LONGEST_JTI
  if (isName || jti === undefined || !singleUse) return undefined
  return failed('missing_claim', { jti: `a string of 1 to ${LONGEST_JTI}` }, { jti })
}

function subjectOf(claims: Claims, now: number): VerifiedSubject {
  const {
    iss,
    sub,
    jti,
    iat = now,
    exp,
  } = claims as { iss: string; sub: string; jti?: unknown; iat?: number; exp: number }
  const id = typeof jti === 'string' && jti !== '' ? jti : undefined
  return { issuer: iss, subject: sub, claims, jti: id, issuedAt: Math.floor(iat), expiresAt: Math.floor(exp) }
}

const failed = (check: string, expected: unknown, got: unknown): Check => ({ check, held: false, expected, got })

const refuse = (check: Check): SubjectVerdict => ({ ok: false, failed: check })
