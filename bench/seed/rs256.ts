import { generateKeyPairSync, type JsonWebKey, randomUUID, sign } from 'node:crypto'

/** A platform's tokens for the bare handler that verifies signatures. */
export interface Rs256 {
  readonly publicJwk: JsonWebKey
  tokens(count: number): string[]
}

export function rs256(): Rs256 {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  return {
    publicJwk: publicKey.export({ format: 'jwk' }),
    tokens: (count) =>
      Array.from({ length: count }, () => {
        const now = Math.floor(Date.now() / 1000)
        const claims = { iss: 'https://platform.example', sub: randomUUID(), iat: now, exp: now + 300 }
        const signed = `${part({ alg: 'RS256', typ: 'JWT', kid: randomUUID() })}.${part(claims)}`
        return `${signed}.${sign('sha256', Buffer.from(signed), privateKey).toString('base64url')}`
      }),
  }
}
