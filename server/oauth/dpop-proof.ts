import { hash } from 'node:crypto'
import { decodeJwt } from 'jose'
import { type Clock, epochSeconds } from '../clock.ts'
import type { StateStore } from '../storage/state-store.ts'
import { readDpopJwt } from './dpop-jwt.ts'
import type { DpopNonces } from './dpop-nonce.ts'
import { isSameTarget } from './htu.ts'

export { DPOP_ALGS } from './dpop-jwt.ts'

/** A proof that has been verified. */
export interface DpopProof {
  /** RFC 7638 thumbprint of its key. */
  readonly jkt: string
}

export interface ProofRequest {
  /** The value of the `DPoP` header. */
  readonly proof: string
  readonly method: string
  /** The request's URL as the outside sees it: the issuer and the path, never the Host header. */
  readonly url: string
  /** RFC 9449 §7.1: at a resource server, the proof names the token. */
  readonly accessToken?: string
}

export type ProofVerdict =
  | { readonly ok: true; readonly proof: DpopProof }
  | {
      readonly ok: false
      readonly error: 'invalid_dpop_proof' | 'use_dpop_nonce'
      /** Which check failed. Repeats nothing of the proof. */
      readonly description: string
    }

export interface DpopProofs {
  /** RFC 9449 §4.3, and §11.1: a proof is good once, on all nodes together. */
  verify(request: ProofRequest): Promise<ProofVerdict>
  /**
   * RFC 9449 §8.2: the nonce for the answer to a request, whatever the answer is.
   * @param proof its `DPoP` header. Undefined where it has none, or used the newest nonce.
   */
  freshNonce(proof: string | undefined): string | undefined
}

interface Needs {
  state: Pick<StateStore, 'remember'>
  nonces: DpopNonces
  clock: Clock
}

/** Seconds that `iat` may be off, either way, in a proof without a nonce. */
const WINDOW = 300
/** Milliseconds that another node's clock may be behind this one's: there a proof is good for longer. */
const SKEW = 60_000

export function createDpopProofs({ state, nonces, clock }: Needs): DpopProofs {
  const remember = (jkt: string, jti: string, until: number) =>
    state.remember(`dpop:${sha256(`${jkt} ${jti}`)}`, Math.ceil(until) + SKEW)

  /** Checks 10 and 11: until when a proof is good; undefined if it isn't. A nonce tells the time, so `iat` need not. */
  function endOf({ iat, nonce }: { iat: number; nonce?: string | undefined }): number | undefined {
    if (nonce !== undefined) return nonces.endOf(nonce)
    return Math.abs(epochSeconds(clock.now()) - iat) <= WINDOW ? endOfWindow(iat) : undefined
  }

  return {
    async verify({ proof, method, url, accessToken }) {
      const jwt = await readDpopJwt(proof, clock)
      if (!jwt.ok) return invalid(jwt.description)
      const { jkt, claims } = jwt
      if (claims.htm !== method) return invalid('the DPoP proof is for another method')
      if (!isSameTarget(claims.htu, url)) return invalid('the DPoP proof is for another URL')
      if (accessToken !== undefined && claims.ath !== sha256(accessToken)) {
        return invalid('the DPoP proof is for another access token')
      }
      const until = endOf(claims)
      if (until === undefined) return NONCE_NEEDED
      // Last, so that nothing is remembered of what is refused anyway.
      if (!(await remember(jkt, claims.jti, until))) return invalid('the DPoP proof was used before')
      return { ok: true, proof: { jkt } }
    },

    freshNonce(proof) {
      if (proof === undefined) return undefined
      const sent = unverifiedNonce(proof)
      return sent !== undefined && nonces.isNewest(sent) ? undefined : nonces.newest()
    },
  }
}

const endOfWindow = (iat: number): number => (iat + WINDOW + 1) * 1000

const invalid = (description: string): ProofVerdict => ({ ok: false, error: 'invalid_dpop_proof', description })

const NONCE_NEEDED: ProofVerdict = {
  ok: false,
  error: 'use_dpop_nonce',
  description: 'the DPoP proof is too old or its nonce is; make another with the nonce of the DPoP-Nonce header',
}

const sha256 = (text: string): string => hash('sha256', text, 'base64url')

/** Good enough to tell whether the client knows the newest; nothing is believed by it. */
function unverifiedNonce(proof: string): string | undefined {
  try {
    const { nonce } = decodeJwt(proof)
    return typeof nonce === 'string' ? nonce : undefined
  } catch {
    return undefined
  }
}
