import { calculateJwkThumbprint, EmbeddedJWK, errors, jwtVerify } from 'jose'
import { z } from 'zod'
import type { Clock } from '../clock.ts'

/** Asymmetric only (RFC 9449 §4.3, check 5): those of FAPI 2.0 §5.4.1, and RFC 9864's name for one of them. */
export const DPOP_ALGS = ['ES256', 'EdDSA', 'Ed25519', 'PS256'] as const

/** RFC 9449 §4.2. Others may be there, and mean nothing here. */
const Claims = z.object({
  jti: z.string().min(1).max(256),
  htm: z.string(),
  htu: z.string(),
  iat: z.number(),
  ath: z.string().optional(),
  nonce: z.string().optional(),
})

export type DpopClaims = z.infer<typeof Claims>

export type DpopJwt =
  | { readonly ok: true; readonly jkt: string; readonly claims: DpopClaims }
  | { readonly ok: false; readonly description: string }

/** RFC 7518 §6, RFC 8037 §2, and AKP: the members of private and of symmetric keys. */
const SECRET_MEMBERS = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k', 'priv']

/** A value of a compact JWS (RFC 7515 §7.1): two header fields, joined by a comma, are none. */
const ONE_JWT = /^[\w-]+\.[\w-]+\.[\w-]+$/

/** RFC 9449 §4.3, checks 1 to 7: those of the proof by itself, whatever the request. */
export async function readDpopJwt(proof: string, clock: Clock): Promise<DpopJwt> {
  if (!ONE_JWT.test(proof)) return wrong('the DPoP header must be exactly one JWT')
  try {
    const { payload, protectedHeader } = await jwtVerify(proof, EmbeddedJWK, {
      algorithms: [...DPOP_ALGS],
      typ: 'dpop+jwt',
      currentDate: new Date(clock.now()), // of `exp` and `nbf`, should they be there (RFC 7519 §4.1.4)
    })
    const { jwk } = protectedHeader
    if (!jwk || SECRET_MEMBERS.some((member) => member in jwk)) return wrong('the DPoP proof contains a private key')
    const claims = Claims.safeParse(payload)
    if (!claims.success) return wrong('the DPoP proof lacks a claim, or has a malformed one')
    return { ok: true, jkt: await calculateJwkThumbprint(jwk), claims: claims.data }
  } catch (error) {
    return wrong(describe(error))
  }
}

const wrong = (description: string): DpopJwt => ({ ok: false, description })

/** jose throws for whatever is wrong with a JWT, and all kinds of errors for a malformed key. */
function describe(error: unknown): string {
  if (error instanceof errors.JOSEAlgNotAllowed) return 'the alg of the DPoP proof is not accepted'
  if (error instanceof errors.JWSSignatureVerificationFailed) return 'the signature of the DPoP proof is wrong'
  if (error instanceof errors.JWTClaimValidationFailed || error instanceof errors.JWTExpired) {
    return `the ${error.claim} of the DPoP proof is wrong` // `typ`, or a time
  }
  return 'the DPoP proof is not a JWT signed by the public key in its header'
}
