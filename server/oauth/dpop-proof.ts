import { createHash } from 'node:crypto'
import { calculateJwkThumbprint, EmbeddedJWK, jwtVerify } from 'jose'
import { type Clock, epochSeconds } from '../clock.ts'
import type { StateStore } from '../storage/state-store.ts'

/** A proof that has been verified. */
export interface DpopProof {
  /** RFC 7638 thumbprint of its key. */
  readonly jkt: string
  readonly jti: string
  readonly iat: number
}

export interface ProofRequest {
  readonly proof: string
  readonly method: string
  /** The request's URL as the outside sees it. */
  readonly url: string
  /** RFC 9449 §7.1: at a resource server, the proof names the token. */
  readonly accessToken: string
}

export interface DpopProofs {
  /** RFC 9449 §4.3 for a resource server. Undefined if any check fails. */
  verify(request: ProofRequest): Promise<DpopProof | undefined>
  /** RFC 9449 §11.1: true once for each proof, on all nodes together. */
  isFirstUse(proof: DpopProof): Promise<boolean>
}

/** Asymmetric only (RFC 9449 §4.3, check 5), and what oidc-provider accepts at the token endpoint. */
export const DPOP_ALGS = ['ES256', 'EdDSA', 'Ed25519'] as const

/** Seconds that a proof's `iat` may be off, either way: what oidc-provider allows at the token endpoint. */
const WINDOW = 300

export function createDpopProofs({ state, clock }: { state: Pick<StateStore, 'remember'>; clock: Clock }): DpopProofs {
  return {
    async verify({ proof, method, url, accessToken }) {
      try {
        const { payload, protectedHeader } = await jwtVerify(proof, EmbeddedJWK, {
          algorithms: [...DPOP_ALGS],
          typ: 'dpop+jwt',
          requiredClaims: ['iat', 'jti', 'htm', 'htu', 'ath'],
          currentDate: new Date(clock.now()),
        })
        const { iat = 0, jti = '', htm, htu, ath } = payload
        const recent = Math.abs(epochSeconds(clock.now()) - iat) <= WINDOW
        const named = typeof jti === 'string' && jti !== ''
        const here = htm === method && sameTarget(htu, url)
        if (!recent || !named || !here || ath !== sha256(accessToken) || !protectedHeader.jwk) return undefined
        return { jkt: await calculateJwkThumbprint(protectedHeader.jwk), jti, iat }
      } catch {
        return undefined // malformed, forged, wrong type or algorithm: one answer
      }
    },

    // Remembered until the proof itself is too old, not for a fixed time from first use: one dated ahead lives longer.
    isFirstUse: ({ jkt, jti, iat }) => state.remember(`dpop:${sha256(`${jkt} ${jti}`)}`, (iat + WINDOW + 1) * 1000),
  }
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('base64url')

/** RFC 9449 §4.3, check 9: `htu` without query and fragment, compared as RFC 3986 §6.2 normalizes. */
function sameTarget(htu: unknown, url: string): boolean {
  if (typeof htu !== 'string' || !URL.canParse(htu)) return false
  return bare(htu) === bare(url)
}

function bare(text: string): string {
  const url = new URL(text)
  url.search = ''
  url.hash = ''
  return url.href
}
