import { calculateJwkThumbprint, type JWK } from 'jose'
import { expect, test } from 'vitest'
import { ALGS, generateKey } from '../../keys/generate.ts'
import { jwksDocument } from '../../keys/jwks.ts'

const generated = await Promise.all(ALGS.map(generateKey))
const PRIVATE = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k', 'priv']

test('the document lists every key with its public members only', () => {
  const { keys } = JSON.parse(jwksDocument(generated.map((key) => key.privateJwk)).body)
  expect(keys.map((key: JWK) => Object.keys(key).sort())).toEqual([
    ['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y'],
    ['alg', 'crv', 'kid', 'kty', 'use', 'x'],
    ['alg', 'e', 'kid', 'kty', 'n', 'use'],
  ])
  expect(keys).toEqual(generated.map((key) => key.publicJwk))
})

test('a member that nobody has heard of yet is not published', () => {
  const jwk = { ...(generated[0]?.privateJwk as JWK), novel: 'secret' }
  expect(jwksDocument([jwk]).body).not.toMatch(/novel|secret/)
})

test('a symmetric key is refused', () => {
  expect(() => jwksDocument([{ kty: 'oct', k: 'AAAA' }])).toThrow("can't be published")
})

test('the ETag is strong, and the same for the same keys only', () => {
  const [one, other] = generated.map((key) => key.privateJwk) as [JWK, JWK]
  expect(jwksDocument([one]).etag).toMatch(/^"[\w-]{43}"$/)
  expect(jwksDocument([one]).etag).toBe(jwksDocument([{ ...one }]).etag)
  expect(jwksDocument([one]).etag).not.toBe(jwksDocument([one, other]).etag)
})

test('it may be cached for as long as a new key waits before it signs', () => {
  expect(jwksDocument([]).cacheControl).toBe('public, max-age=300')
})

test('a kid is the RFC 7638 thumbprint of the public key', async () => {
  for (const { kid, publicJwk, privateJwk } of generated) {
    expect(kid).toBe(await calculateJwkThumbprint(publicJwk))
    expect(privateJwk.kid).toBe(kid)
    expect(PRIVATE.some((member) => member in publicJwk)).toBe(false)
  }
})

test('RSA keys have 2048 bits', () => {
  const rsa = generated.find((key) => key.alg === 'RS256')
  expect(Buffer.from(rsa?.publicJwk.n ?? '', 'base64url')).toHaveLength(256)
})
