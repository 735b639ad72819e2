import { generateKeyPairSync } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { jwks, keyOf, PRIVATE_MEMBERS } from '../../server/management/jwks.ts'
import { hasKid, type KeyHint, parseKeySet, pickKey } from '../../server/workload-identity/keys/key-set.ts'
import { hostileText } from '../hostile-text.ts'

const pairs = [
  ...[1, 2].map(() => generateKeyPairSync('ec', { namedCurve: 'P-256' })),
  generateKeyPairSync('rsa', { modulusLength: 2048 }),
  generateKeyPairSync('ed25519'),
]
const publicJwks = pairs.map(({ publicKey }) => publicKey.export({ format: 'jwk' }))
const privateJwks = pairs.map(({ privateKey }) => privateKey.export({ format: 'jwk' }))
const weak = [
  generateKeyPairSync('rsa', { modulusLength: 1024 }),
  generateKeyPairSync('ec', { namedCurve: 'P-384' }),
].map(({ publicKey }) => publicKey.export({ format: 'jwk' }))

const member = fc.constantFrom(
  'kty',
  'n',
  'e',
  'crv',
  'x',
  'y',
  'd',
  'p',
  'q',
  'k',
  'oth',
  'kid',
  'use',
  'alg',
  'key_ops',
  'x5u',
  'x5c',
  '__proto__',
)
const value = fc.oneof(
  hostileText.map((text) => text.slice(0, 600)),
  fc.jsonValue({ maxDepth: 2 }),
  fc.constantFrom('RSA', 'EC', 'OKP', 'oct', 'sig', 'enc', 'ES256', 'RS256', 'none', 'AQAB', ['verify'], ['sign']),
)
const somebodys = fc.constantFrom(...publicJwks, ...privateJwks, ...weak)
const named = fc.record(
  {
    kid: fc.constantFrom('a', 'b'),
    use: fc.constantFrom('sig', 'enc'),
    alg: fc.constantFrom('ES256', 'RS256', 'EdDSA', 'PS256'),
  },
  { requiredKeys: [] },
)
const entry = fc.oneof(
  fc.tuple(somebodys, named).map((parts): unknown => ({ ...parts[0], ...parts[1] })),
  fc.tuple(somebodys, member, value).map(([jwk, name, given]): unknown => ({ ...jwk, [name]: given })),
  value,
)
const set = fc.oneof(
  { weight: 4, arbitrary: fc.record({ keys: fc.array(entry, { maxLength: 5 }) }) as fc.Arbitrary<unknown> },
  { weight: 1, arbitrary: fc.anything() },
)

describe("an issuer's keys", () => {
  test('are public ones, of members that make a key and no others, whatever else is published', () => {
    fc.assert(
      fc.property(set, (given) => {
        for (const { jwk } of parseKeySet(given) ?? []) {
          expect(Object.keys(jwk).filter((name) => !['kty', 'n', 'e', 'crv', 'x', 'y'].includes(name))).toEqual([])
          expect(['RSA', 'EC', 'OKP']).toContain(jwk.kty)
          if (jwk.kty === 'RSA') expect(Buffer.from(jwk.n as string, 'base64url').length).toBeGreaterThanOrEqual(256)
        }
      }),
      { numRuns: 1_000 },
    )
  })

  test('give one that fits what the token says, or none: never another, and never one of two', () => {
    const hint: fc.Arbitrary<KeyHint> = fc.record({
      alg: fc.constantFrom('ES256', 'RS256', 'EdDSA', 'PS256', 'none', 'HS256', '__proto__', 'toString'),
      kid: fc.constantFrom('a', 'b', 'c', undefined),
    })
    const good = fc.record({
      keys: fc.array(
        fc.tuple(fc.constantFrom(...publicJwks), named).map((parts): object => ({ ...parts[0], ...parts[1] })),
        { maxLength: 5 },
      ),
    })
    const TYPE: Record<string, string> = { ES256: 'EC', RS256: 'RSA', PS256: 'RSA', EdDSA: 'OKP' }
    fc.assert(
      fc.property(good, hint, (given, { alg, kid }) => {
        const keys = parseKeySet(given) ?? []
        const picked = pickKey(keys, { alg, kid }, ['sig'])
        const fitting = (given.keys as Record<string, string>[]).filter(
          (key) =>
            key.kty === TYPE[alg] &&
            (key.alg ?? alg) === alg &&
            (key.use ?? 'sig') === 'sig' &&
            (kid === undefined || key.kid === kid),
        )
        const different = new Set(fitting.map(({ n, x }) => n ?? x)).size
        if (different !== 1) return void expect(picked).toBe(different === 0 ? 'none' : 'ambiguous')
        expect(picked).toMatchObject({ jwk: { kty: TYPE[alg] } })
        if (kid !== undefined) expect(hasKid(keys, kid)).toBe(true)
      }),
      { numRuns: 2_000 },
    )
  })
})

describe("a client's own keys", () => {
  test('are taken where they are public and strong, and kept without anything else', () => {
    let taken = 0
    fc.assert(
      fc.property(set, (given) => {
        const parsed = jwks.safeParse(given)
        if (!parsed.success) return
        taken++
        for (const key of parsed.data.keys) {
          expect(
            Object.keys(key).filter((name) => !['kty', 'crv', 'x', 'y', 'n', 'e', 'kid', 'use', 'alg'].includes(name)),
          ).toEqual([])
          expect(keyOf(key)?.type).toBe('public')
        }
        // Taken once, they are taken again: what is shown can be sent back.
        expect(jwks.safeParse(parsed.data)).toEqual(parsed)
      }),
      { numRuns: 1_000 },
    )
    expect(taken).toBeGreaterThan(0)
  })

  test('are refused with any private member at all, whatever is in it', () => {
    fc.assert(
      fc.property(fc.constantFrom(...publicJwks), fc.constantFrom(...PRIVATE_MEMBERS), value, (jwk, name, given) => {
        expect(jwks.safeParse({ keys: [jwk] }).success).toBe(true)
        expect(jwks.safeParse({ keys: [{ ...jwk, [name]: given }] }).success).toBe(false)
      }),
      { numRuns: 500 },
    )
  })
})
