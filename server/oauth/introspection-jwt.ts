import { SignJWT } from 'jose'
import type { KeyRing } from '../../keys/key-ring.ts'
import { type Clock, epochSeconds } from '../clock.ts'
import type { Introspection } from './introspection.ts'

/** RFC 9701 §5: the type of the JWT and, after `application/`, of the answer. */
export const INTROSPECTION_JWT = 'token-introspection+jwt'
export const INTROSPECTION_ALG = 'ES256'

/** @param aud the client_id of the relying party that asked */
export type SignIntrospection = (aud: string, introspection: Introspection) => Promise<string>

interface Needs {
  issuer: string
  keyRing: Pick<KeyRing, 'current'>
  clock: Clock
}

/**
 * RFC 9701 §5: an introspection that a relying party can keep as evidence. Without `sub` and `exp` of its own, so that
 * nobody takes it for an access token.
 */
export const createIntrospectionSigner =
  ({ issuer, keyRing, clock }: Needs): SignIntrospection =>
  (aud, introspection) => {
    const { kid, privateKey } = keyRing.current().signer(INTROSPECTION_ALG)
    return new SignJWT({ iss: issuer, aud, iat: epochSeconds(clock.now()), token_introspection: { ...introspection } })
      .setProtectedHeader({ alg: INTROSPECTION_ALG, kid, typ: INTROSPECTION_JWT })
      .sign(privateKey)
  }
