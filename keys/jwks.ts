import { createHash } from 'node:crypto'
import type { JWK } from 'jose'
import { JWKS_MAX_AGE_SECONDS } from './life.ts'

/** RFC 7517 §5, as it is sent: the same bytes and the same ETag on every node that knows the same keys. */
export interface JwksDocument {
  readonly keys: readonly JWK[]
  readonly body: string
  readonly contentType: 'application/jwk-set+json'
  /** Strong, quotes included. */
  readonly etag: string
  readonly cacheControl: string
}

/** What may be public, RFC 7518 §6 and RFC 8037 §2. A list of what may, not of what may not: a new private member stays in. */
const PUBLIC_MEMBERS: Record<string, readonly (keyof JWK)[]> = {
  EC: ['crv', 'x', 'y'],
  OKP: ['crv', 'x'],
  RSA: ['n', 'e'],
}

/** @throws for a key type without public members, such as `oct`. */
export function publicMembers(jwk: JWK): JWK {
  const members = PUBLIC_MEMBERS[jwk.kty as string]
  if (!members) throw new Error(`a ${jwk.kty} key can't be published`)
  const names: (keyof JWK)[] = ['kty', 'use', 'alg', 'kid', ...members]
  return Object.fromEntries(names.flatMap((name) => (jwk[name] === undefined ? [] : [[name, jwk[name]]])))
}

/** @param jwks public or private, in the order in which they are to be listed */
export function jwksDocument(jwks: readonly JWK[]): JwksDocument {
  const keys = jwks.map(publicMembers)
  const body = JSON.stringify({ keys })
  return {
    keys,
    body,
    contentType: 'application/jwk-set+json',
    etag: `"${createHash('sha256').update(body).digest('base64url')}"`,
    cacheControl: `public, max-age=${JWKS_MAX_AGE_SECONDS}`,
  }
}
