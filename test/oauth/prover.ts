import { createHash } from 'node:crypto'
import { calculateJwkThumbprint, exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose'

/** A client's key pair, and proofs made with it. A claim or header parameter that is undefined is left out. */
export async function createProver(now: () => number, alg = 'ES256') {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true })
  const jwk = await exportJWK(publicKey)
  return {
    jkt: await calculateJwkThumbprint(jwk),
    jwk,
    privateJwk: await exportJWK(privateKey),
    async prove(htm: string, htu: string, claims: JWTPayload = {}, header: object = {}) {
      const payload = { htm, htu, iat: Math.floor(now() / 1000), jti: crypto.randomUUID(), ...claims }
      return new SignJWT(payload).setProtectedHeader({ alg, typ: 'dpop+jwt', jwk, ...header }).sign(privateKey)
    },
  }
}

export type Prover = Awaited<ReturnType<typeof createProver>>

/** RFC 9449 §4.2. */
export const ath = (token: string): string => createHash('sha256').update(token).digest('base64url')
