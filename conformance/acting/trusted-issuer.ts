import { randomUUID } from 'node:crypto'
import type { Context } from '../context.ts'
import type { Answer, Form } from './http.ts'
import { type Claims, privateKeyOf, seconds, sign } from './jwt.ts'
import { requestToken } from './tokens.ts'

export const TOKEN_EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange'
export const JWT_BEARER = 'urn:ietf:params:oauth:grant-type:jwt-bearer'
export const tokenType = (name: string): string => `urn:ietf:params:oauth:token-type:${name}`

/** What a good JWT of the trusted issuer says. */
export const trustedClaims = ({ the }: Context): Claims => {
  const { issuer, subject, audience, claims } = the('trusted_issuer')
  const times = { iat: seconds(), exp: seconds() + 120 }
  return { iss: issuer, sub: subject, aud: audience, jti: randomUUID(), ...times, ...claims }
}

/** Signed by it, with the claims changed as given. */
export async function trustedJwt(context: Context, change: Claims = {}): Promise<string> {
  const { private_jwk, alg, kid = private_jwk.kid } = context.the('trusted_issuer')
  return sign({ ...trustedClaims(context), ...change }, { alg, kid, typ: 'JWT' }, await privateKeyOf(private_jwk, alg))
}

/** RFC 8693 §2.1 of a JWT. */
export const exchangeJwt = (context: Context, subject_token: string, form: Form = {}): Promise<Answer> =>
  requestToken(context, {
    ...{ grant_type: TOKEN_EXCHANGE, subject_token, subject_token_type: tokenType('jwt') },
    ...{ client_id: context.the('trusted_issuer').client_id, ...form },
  })

/** RFC 7523 §2.1. */
export const grantByJwt = (context: Context, assertion: string | undefined): Promise<Answer> =>
  requestToken(context, { grant_type: JWT_BEARER, assertion, client_id: context.the('trusted_issuer').client_id })
