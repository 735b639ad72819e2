import { hash } from 'node:crypto'
import { createLocalJWKSet, decodeJwt, type JSONWebKeySet, type JWTPayload, jwtVerify } from 'jose'
import { type Clock, epochSeconds } from '../clock.ts'
import type { StateStore } from '../storage/state-store.ts'

/** RFC 7523 §3, `private_key_jwt`: a JWT by which a client proves a key that it registered. */
export interface ClientAssertions {
  /** Who it says it is from, with nothing verified. Undefined: it names nobody. */
  claimedClientId(assertion: string): string | undefined
  /** Whether it is that client's, for us, fresh, and seen for the first time on all nodes together. */
  verify(assertion: string, clientId: string, jwks: JSONWebKeySet): Promise<boolean>
}

/** FAPI 2.0 Security Profile §5.4.1; RS256 and the symmetric ones are not among them. */
export const ASSERTION_ALGS = ['ES256', 'PS256', 'EdDSA', 'Ed25519'] as const

/** Seconds between `exp` and now, at most: what is remembered for replay is bounded by it. */
const LONGEST = 300
/** Seconds that the client's clock may be off. */
const SKEW = 10
const LONGEST_JTI = 200

interface Needs {
  issuer: string
  state: Pick<StateStore, 'remember'>
  clock: Clock
}

/** RFC 9864 §2.2: `Ed25519` is what `EdDSA` has always meant for these keys; a client may register one name and use the other. */
const underEveryName = ({ keys }: JSONWebKeySet): JSONWebKeySet => ({
  keys: keys.map(({ alg, ...key }) => (alg === undefined || key.kty === 'OKP' ? key : { alg, ...key })),
})

export function createClientAssertions({ issuer, state, clock }: Needs): ClientAssertions {
  async function verified(assertion: string, clientId: string, jwks: JSONWebKeySet): Promise<JWTPayload | undefined> {
    try {
      const { payload } = await jwtVerify(assertion, createLocalJWKSet(underEveryName(jwks)), {
        algorithms: [...ASSERTION_ALGS],
        issuer: clientId, // RFC 7523 §3 (1) and (2): both are the client_id
        subject: clientId,
        requiredClaims: ['exp', 'jti'],
        clockTolerance: SKEW,
        currentDate: new Date(clock.now()),
      })
      return payload
    } catch {
      return undefined // malformed, forged, expired, of another key: one answer
    }
  }

  /** Stricter than RFC 7523 §3 (3): the issuer alone, as a string, since another audience may pass it on to us. */
  const isForUs = ({ aud }: JWTPayload): boolean => aud === issuer

  const isShortLived = ({ exp = Number.NaN, iat }: JWTPayload): boolean => {
    const now = epochSeconds(clock.now())
    return exp - now <= LONGEST + SKEW && (iat === undefined || (iat <= now + SKEW && now - iat <= LONGEST + SKEW))
  }

  return {
    claimedClientId(assertion) {
      try {
        const { sub } = decodeJwt<{ sub?: unknown }>(assertion)
        return typeof sub === 'string' ? sub : undefined
      } catch {
        return undefined
      }
    },

    async verify(assertion, clientId, jwks) {
      const payload = await verified(assertion, clientId, jwks)
      if (!payload || !isForUs(payload) || !isShortLived(payload)) return false
      const { jti, exp = 0 } = payload
      if (typeof jti !== 'string' || jti === '' || jti.length > LONGEST_JTI) return false
      const name = hash('sha256', JSON.stringify([clientId, jti]), 'base64url')
      return state.remember(`assertion:${name}`, (exp + SKEW + 1) * 1000)
    },
  }
}
