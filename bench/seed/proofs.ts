import { generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto'

/** DPoP proofs (RFC 9449 §4.2) with ES256, of one client. */
export interface Prover {
  prove(url: string, nonce?: string): string
}

export const createProvers = (count: number): Prover[] => Array.from({ length: count }, createProver)

function createProver(): Prover {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const { kty, crv, x, y } = publicKey.export({ format: 'jwk' })
  const header = part({ typ: 'dpop+jwt', alg: 'ES256', jwk: { kty, crv, x, y } })
  return { prove: (url, nonce) => signed(privateKey, header, url, nonce) }
}

function signed(key: KeyObject, header: string, htu: string, nonce: string | undefined): string {
  const iat = Math.floor(Date.now() / 1000)
  const claims = { jti: randomBytes(16).toString('base64url'), htm: 'POST', htu, iat, ...(nonce && { nonce }) }
  const input = `${header}.${part(claims)}`
  const signature = sign('sha256', Buffer.from(input), { key, dsaEncoding: 'ieee-p1363' })
  return `${input}.${signature.toString('base64url')}`
}

const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
