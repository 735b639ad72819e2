import { calculateJwkThumbprint, exportJWK, generateKeyPair, type JWK } from 'jose'

/** In order of preference: the first is what we sign with unless a client's metadata asks for another. */
export const ALGS = ['ES256', 'EdDSA', 'RS256'] as const
export type Alg = (typeof ALGS)[number]

export interface GeneratedKey {
  /** RFC 7638 thumbprint: the same key has the same name everywhere. */
  readonly kid: string
  readonly alg: Alg
  readonly publicJwk: JWK
  readonly privateJwk: JWK
}

/** P-256, Ed25519 or RSA with 2048 bits. RSA takes up to a second: not inside a transaction. */
export async function generateKey(alg: Alg): Promise<GeneratedKey> {
  const pair = await generateKeyPair(alg, { extractable: true, modulusLength: 2048 })
  const publicJwk = await exportJWK(pair.publicKey)
  const kid = await calculateJwkThumbprint(publicJwk, 'sha256')
  const named = { kid, alg, use: 'sig' }
  return {
    kid,
    alg,
    publicJwk: { ...publicJwk, ...named },
    privateJwk: { ...(await exportJWK(pair.privateKey)), ...named },
  }
}
