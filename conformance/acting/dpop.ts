import { createHash, randomUUID } from 'node:crypto'
import { calculateJwkThumbprint, exportJWK, generateKeyPair, type JWK } from 'jose'
import type { Context } from '../context.ts'
import type { Answer, Request } from './http.ts'
import { type Claims, seconds, sign } from './jwt.ts'

/** A client's key pair, and proofs by it. */
export interface Prover {
  readonly alg: string
  readonly jkt: string
  readonly publicJwk: JWK
  readonly privateJwk: JWK
  prove(claims: Claims, header?: Claims): Promise<string>
}

/** Signed with what the server takes (RFC 9449 §5.1); ES256 where it does. */
export async function createProver({ metadata }: Pick<Context, 'metadata'>): Promise<Prover> {
  const offered = metadata.dpop_signing_alg_values_supported
  const algs = Array.isArray(offered) && offered.length > 0 ? offered.map(String) : ['ES256']
  const alg = algs.includes('ES256') ? 'ES256' : (algs[0] as string)
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true })
  const publicJwk = await exportJWK(publicKey)
  return {
    ...{ alg, publicJwk, privateJwk: await exportJWK(privateKey), jkt: await calculateJwkThumbprint(publicJwk) },
    prove: (claims, header = {}) =>
      sign({ ...proofClaims(), ...claims }, { alg, typ: 'dpop+jwt', jwk: publicJwk, ...header }, privateKey),
  }
}

const proofClaims = (): Claims => ({ jti: randomUUID(), iat: seconds() })

/** RFC 9449 §4.2: `ath`. */
export const hashOf = (token: string): string => createHash('sha256').update(token).digest('base64url')

/** What the claims of a proof say of the request that it goes with. */
const claimsFor = ({ url, form, method = form ? 'POST' : 'GET' }: Request): Claims => ({
  htm: method,
  htu: url.split(/[?#]/)[0],
})

/** A `DPoP` header for a request; called once more if the server wants its nonce in it. */
export type MakeProof = (claims: Claims) => Promise<string>

/** Sends it with a proof. RFC 9449 §8: a server may first hand out a nonce. */
export async function sendProven({ send }: Context, request: Request, makeProof: MakeProof): Promise<Answer> {
  const claims = claimsFor(request)
  const withProof = async (nonce?: string) =>
    send({ ...request, headers: { ...request.headers, dpop: await makeProof({ ...claims, nonce }) } })
  const answer = await withProof()
  const nonce = answer.headers.get('dpop-nonce')
  const asks =
    answer.body.error === 'use_dpop_nonce' || /use_dpop_nonce/.test(answer.headers.get('www-authenticate') ?? '')
  return asks && nonce ? withProof(nonce) : answer
}
