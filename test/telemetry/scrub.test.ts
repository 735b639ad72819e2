import fc from 'fast-check'
import { expect, test } from 'vitest'
import { scrub, scrubValue } from '../../server/telemetry/scrub.ts'

const BASE62 = [...'0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz']
const text = (alphabet: string[], minLength: number, maxLength = minLength) =>
  fc.string({ unit: fc.constantFrom(...alphabet), minLength, maxLength })
const random = text(BASE62, 49)
const base64url = text([...BASE62, '-', '_'], 20, 200)
const id = text([...'abcdefghijklmnopqrstuvwxyz234567'], 12)
const mode = fc.constantFrom('live', 'test')

/** A credential, and the part of it that must not be seen again. */
const credential = fc.oneof(
  fc.tuple(fc.constantFrom('tk', 'st'), mode, id, random).map(([p, m, i, s]) => [`${p}_${m}_${i}_${s}`, s]),
  fc.tuple(id, random).map(([i, s]) => [`tk_${i}_${s}`, s]),
  fc.tuple(id, random).map(([i, s]) => [`AKE${i.toUpperCase()}_${s}`, s]),
  fc.tuple(fc.constantFrom('kc', 'kr', 'kp'), mode, random).map(([p, m, s]) => [`${p}_${m}_${s}`, s]),
  random.map((s) => [s, s]),
  fc.tuple(fc.constantFrom('Basic', 'Bearer', 'DPoP', 'bearer'), base64url).map(([p, s]) => [`${p} ${s}`, s]),
  fc.tuple(base64url, base64url, base64url).map(([h, p, s]) => [`eyJ${h}.${p}.${s}`, p]),
  fc.tuple(text(BASE62, 1, 9), base64url).map(([user, s]) => [`redis://${user}:${s}@host:6379/0`, s]),
  base64url.map((s) => [`client_secret=${s}`, s]),
  base64url.map((s) => [JSON.stringify({ password: s }), s]),
) as fc.Arbitrary<[string, string]>

/** What may stand before a credential; letters and digits only where the credential says where it begins. */
const before = fc.oneof(
  fc.constantFrom('', ' ', '"', '=', '/', '?token=', '%20', '(', '\n'),
  fc.string().map((s) => `${s} `),
)
const after = fc.oneof(
  fc.constantFrom('', ' ', '"', '&', '/', ')', '\n', ','),
  fc.string().map((s) => ` ${s}`),
)

test('no credential survives, wherever it stands', () => {
  fc.assert(
    fc.property(before, credential, after, (prefix, [value, secret], suffix) => {
      expect(scrub(prefix + value + suffix)).not.toContain(secret)
    }),
    { numRuns: 2000 },
  )
})

test('scrubbing twice changes no more than scrubbing once', () => {
  fc.assert(
    fc.property(before, credential, after, (prefix, [value], suffix) => {
      const once = scrub(prefix + value + suffix)
      expect(scrub(once)).toBe(once)
    }),
    { numRuns: 1000 },
  )
})

const secret = 'x1Y2z3'.repeat(9).slice(0, 49)

test.each([
  [`key tk_live_abcdefghijkl_${secret} refused`, 'key tk_live_… refused'],
  [`key tk_abcdefghijkl_${secret} refused`, 'key tk_… refused'],
  [`atk_test_abcdefghijkl_${secret}`, 'atk_test_…'],
  [`?token=%3Dkr_live_${secret}`, '?token=%3Dkr_live_…'],
  [`AKEABCDEFGH23_${secret}`, 'AKE…'],
  ['authorization: Basic dXNlcjpwYXNz', 'authorization: Basic …'],
  ['authorization: DPoP kc_live_abc', 'authorization: DPoP …'],
  ['postgres://keycourt:p@ss/word@db:5432/kc', 'postgres://keycourt:…@db:5432/kc'],
  ['redis://:word@host', 'redis://:…@host'],
  ['eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln', 'eyJ…'],
  ['grant_type=x&client_secret=Ab1!cdef&scope=y', 'grant_type=x&client_secret=…&scope=y'],
  ['{"client_secret":"Ab1!&,} \\" cdef","scope":"y"}', '{"client_secret":…,"scope":"y"}'],
  ['{"body":"{\\"password\\":\\"a b\\",\\"n\\":1}"}', '{"body":"{\\"password\\":…,\\"n\\":1}"}'],
  ["{ password: 'a b', n: 1 }", '{ password: …, n: 1 }'],
  ['/callback?state=1&code=abc-def', '/callback?state=1&code=…'],
  ['-----BEGIN PRIVATE KEY-----\nMIGH\nAgEA\n-----END PRIVATE KEY-----', '-----BEGIN PRIVATE KEY-----…'],
])('%j becomes %j', (value, expected) => {
  expect(scrub(value)).toBe(expected)
})

test.each([
  'pk_live_abcdefghijkl',
  'DPoP proof was used before',
  'subject_token: no binding matched',
  'the Bearer token has expired',
  'last_used_at is not set, request_id is',
  'GET http://localhost:3000/v1/api-keys',
  'https://example.com/users/@me',
  'su_abcdefghijklmnop key_abcdefghijklmnop',
  '2026-01-01T00:00:00.000Z',
  'first_migration_was_applied',
])('%j is left as it is', (value) => {
  expect(scrub(value)).toBe(value)
})

test('long hostile text is scrubbed in time that grows with its length', () => {
  for (const part of [
    '//a:',
    'eyJ',
    'eyJaaaaa.',
    'Bearer ',
    'tk_',
    '-----BEGIN ',
    'password=',
    'password:"',
    'AKE',
    '%20',
    ' ',
  ]) {
    const started = performance.now()
    scrub(part.repeat(Math.ceil(50_000 / part.length)))
    expect(performance.now() - started).toBeLessThan(1500)
  }
})

test('values are scrubbed at every depth; unknown objects are named, not opened', () => {
  const buffer = Buffer.from('secret')
  expect(
    scrubValue({ path: `/x?t=kc_live_${secret}`, list: [{ a: `Bearer ${secret}` }], buffer, n: 1, no: null }),
  ).toEqual({
    path: '/x?t=kc_live_…',
    list: [{ a: 'Bearer …' }],
    buffer: '[Buffer]',
    n: 1,
    no: null,
  })
})

test('an object that holds itself ends', () => {
  const loop: Record<string, unknown> = {}
  loop.self = loop
  expect(JSON.stringify(scrubValue(loop))).toContain('[…]')
})
