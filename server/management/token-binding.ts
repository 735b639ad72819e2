import type { AccessTokenCredential } from '../credentials/format.ts'
import type { DpopProofs } from '../oauth/dpop-proof.ts'
import { type Challenges, schemeOf } from './challenge.ts'
import type { PresentedCredential } from './presented-credential.ts'

/** @param jkt of the token. @throws {ApiError} */
export type CheckBinding = (
  jkt: string | undefined,
  token: AccessTokenCredential,
  presented: PresentedCredential,
) => Promise<void>

/** RFC 9449 §7.1: a bound token goes with the DPoP scheme and a proof of its key, any other with Bearer. */
export function createCheckBinding(needs: { dpopProofs: DpopProofs; challenges: Challenges }): CheckBinding {
  const { dpopProofs, challenges } = needs

  return async (jkt, { text }, { method, url, dpop, authorization }) => {
    const scheme = schemeOf(authorization)
    if (!jkt && scheme === 'Bearer') return
    if (!jkt || scheme === 'Bearer') throw challenges.unauthenticated('DPoP')
    if (dpop === undefined) throw challenges.unauthenticated('DPoP', 'invalid_dpop_proof', 'the DPoP proof is missing')
    const verdict = await dpopProofs.verify({ proof: dpop, method, url, accessToken: text })
    if (!verdict.ok) throw challenges.unauthenticated('DPoP', verdict.error, verdict.description)
    if (verdict.proof.jkt !== jkt) {
      throw challenges.unauthenticated('DPoP', 'invalid_token', 'the token is bound to another key')
    }
  }
}
