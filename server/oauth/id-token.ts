import { SignJWT } from 'jose'
import type { KeyRing } from '../../keys/key-ring.ts'
import { type Clock, epochSeconds } from '../clock.ts'

/** OpenID Connect Core 1.0 §2: who signed in, for the app that asked. */
export interface IdTokenClaims {
  /** The app's client_id. */
  readonly aud: string
  readonly sub: string
  /** NumericDate. */
  readonly authTime: number
  /** RFC 8176. */
  readonly amr: readonly string[]
  readonly nonce?: string | undefined
}

export type IssueIdToken = (claims: IdTokenClaims) => Promise<string>

/** Seconds: it says who signed in, once; it opens nothing. */
const LIFETIME = 3600
/** OpenID Connect Core 1.0 §15.1: every provider MUST support it, and it is what a client expects that registered nothing. */
export const ID_TOKEN_ALG = 'RS256'

interface Needs {
  issuer: string
  keyRing: Pick<KeyRing, 'current'>
  clock: Clock
}

export const createIdTokens =
  ({ issuer, keyRing, clock }: Needs): IssueIdToken =>
  ({ aud, sub, authTime, amr, nonce }) => {
    const { kid, privateKey } = keyRing.current().signer(ID_TOKEN_ALG)
    const iat = epochSeconds(clock.now())
    const optional = { ...(amr.length && { amr }), ...(nonce !== undefined && { nonce }) }
    return new SignJWT({ iss: issuer, sub, aud, iat, exp: iat + LIFETIME, auth_time: authTime, ...optional })
      .setProtectedHeader({ alg: ID_TOKEN_ALG, kid, typ: 'JWT' })
      .sign(privateKey)
  }
