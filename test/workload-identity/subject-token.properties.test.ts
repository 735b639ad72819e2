import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { failedClaim, SKEW } from '../../server/workload-identity/token/claim-rules.ts'
import { readCompact } from '../../server/workload-identity/token/compact.ts'
import { readHeader } from '../../server/workload-identity/token/header-rules.ts'
import { hostileText, mutated } from '../hostile-text.ts'

const encoded = (value: unknown) =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')
/** What JSON can say and `JSON.parse` gives back: no `-0`, no `__proto__`. */
const json = fc.jsonValue({ maxDepth: 3 }).map((value) => JSON.parse(JSON.stringify(value)) as unknown)
const object = fc.dictionary(
  fc.string({ maxLength: 8 }).filter((name) => name !== '__proto__'),
  json,
  { maxKeys: 5, noNullPrototype: true },
)
const signature = fc
  .base64String({ maxLength: 40 })
  .map((text) => text.replaceAll('=', '').replaceAll('+', '-').replaceAll('/', '_'))

describe('a compact token (RFC 7515 §7.1)', () => {
  test('is read as it was written', () => {
    fc.assert(
      fc.property(object, object, signature, (header, claims, end) => {
        const read = readCompact(`${encoded(header)}.${encoded(claims)}.${end}`)
        expect(read).toEqual({ ok: true, token: { header, claims } })
      }),
      { numRuns: 500 },
    )
  })

  test('of anything else is malformed: no list, no number, no text, no white space, no other alphabet', () => {
    const wrong = json.filter((value) => typeof value !== 'object' || value === null || Array.isArray(value))
    const odd = fc.constantFrom(' ', '\n', '=', '+', '/', '.', '\u0000', '\ufeff', 'é', '\ud800')
    fc.assert(
      fc.property(object, wrong, odd, fc.nat(), (good, bad, letter, at) => {
        const text = `${encoded(good)}.${encoded(good)}.c2ln`
        const place = at % (text.length + 1)
        for (const each of [
          `${encoded(bad)}.${encoded(good)}.c2ln`,
          `${encoded(good)}.${encoded(bad)}.c2ln`,
          text.slice(0, place) + letter + text.slice(place),
        ]) {
          expect(readCompact(each)).toMatchObject({ ok: false, failed: { check: 'malformed', held: false } })
        }
      }),
      { numRuns: 500 },
    )
  })

  test('of bytes that are no UTF-8 is malformed (RFC 7519 §7.2)', () => {
    const bytes = fc.uint8Array({ minLength: 1, maxLength: 12 }).map((each) => Buffer.from(each))
    fc.assert(
      fc.property(object, bytes, (header, text) => {
        const isText = Buffer.from(text.toString()).equals(text)
        const body = Buffer.concat([Buffer.from('{"a":"'), text, Buffer.from('"}')]).toString('base64url')
        if (!isText)
          expect(readCompact(`${encoded(header)}.${body}.c2ln`)).toMatchObject({
            ok: false,
            failed: { check: 'malformed' },
          })
      }),
      { numRuns: 500 },
    )
  })

  test('never throws, and gives objects or nothing', () => {
    const near = fc
      .tuple(object, object)
      .map(([header, claims]) => `${encoded(header)}.${encoded(claims)}.c2ln`)
      .chain(mutated)
    const parts = fc
      .array(fc.oneof(hostileText.map(encoded), fc.json().map(encoded), fc.constant('')), { maxLength: 5 })
      .map((each) => each.join('.'))
    fc.assert(
      fc.property(fc.oneof(near, parts, hostileText), (text) => {
        const read = readCompact(text)
        if (text.length > 16 * 1024) expect(read.ok).toBe(false)
        if (!read.ok) return
        const [head, body] = text.split('.')
        expect([read.token.header, read.token.claims]).toEqual(
          [head, body].map((part) => JSON.parse(Buffer.from(part as string, 'base64url').toString())),
        )
      }),
      { numRuns: 1_000 },
    )
  })
})

describe('a header', () => {
  const rules = { algorithms: ['RS256', 'ES256'], kidOptional: false }
  const value = fc.oneof(
    json,
    hostileText,
    fc.constantFrom(
      'RS256',
      'ES256',
      'JWT',
      'at+jwt',
      'none',
      'HS256',
      'rs256',
      'RS256 ',
      'application/JWT',
      'a/../b',
      '/etc',
      '?x',
      'key-1',
    ),
  )
  const header = fc.record(
    { alg: value, kid: value, typ: value, crit: value, jku: value, jwk: value },
    { requiredKeys: [] },
  )

  test('is taken by its algorithm and a kid that is no path, whatever else it holds', () => {
    fc.assert(
      fc.property(header, fc.boolean(), (each, kidOptional) => {
        const read = readHeader(each, { ...rules, kidOptional })
        if (!read.ok) return void expect(read.failed.held).toBe(false)
        expect(rules.algorithms).toContain(read.hint.alg)
        expect([read.hint.alg, read.hint.kid, each.crit]).toEqual([each.alg, each.kid, undefined])
        if (read.hint.kid === undefined) return void expect(kidOptional).toBe(true)
        expect([
          read.hint.kid.includes('..'),
          read.hint.kid.startsWith('/'),
          /[^\x21-\x7e]|[?#%"'<>\\]/.test(read.hint.kid),
        ]).toEqual([false, false, false])
      }),
      { numRuns: 3_000 },
    )
  })
})

describe('claims', () => {
  const now = 1_800_000_000
  const rules = { maxLifetime: 3_600, maxAge: 600, audiences: ['https://us.example', 'other'], iatOptional: false }
  const near = fc.oneof(fc.integer({ min: -1, max: 1 }), fc.integer({ min: -40, max: 40 }))
  const time = fc.oneof(
    {
      weight: 3,
      arbitrary: fc
        .tuple(fc.constantFrom(0, SKEW, -SKEW, 600, -600, -630, 3_600, 3_630), near)
        .map(([edge, off]): unknown => now + edge + off),
    },
    {
      weight: 1,
      arbitrary: fc.constantFrom<unknown>(
        '1800000000',
        null,
        Number.NaN,
        Number.POSITIVE_INFINITY,
        1e300,
        now + 0.5,
        [now],
        undefined,
      ),
    },
  )
  const claims = fc.record({
    exp: time,
    iat: time,
    nbf: fc.oneof(fc.constant(undefined), time),
    aud: fc.constantFrom<unknown>(
      'https://us.example',
      'https://us.example',
      ['https://us.example'],
      ['other'],
      ['https://us.example', 'other'],
      ['x', 'https://us.example'],
      [],
      '',
      'HTTPS://us.example',
      'https://us.example/',
      [['other']],
      null,
      1,
      undefined,
    ),
    sub: fc.oneof(
      fc.constantFrom<unknown>('somebody', 'somebody', 'x'.repeat(1_024), 'x'.repeat(1_025), '', 7, null, undefined),
    ),
  })

  test('are good exactly if each of RFC 7519 §4.1 is, one by one', () => {
    const isNumber = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value)
    let good = 0
    fc.assert(
      fc.property(claims, (each) => {
        const { exp, iat, nbf, aud, sub } = each
        const isTimely =
          isNumber(exp) &&
          isNumber(iat) &&
          (nbf === undefined || isNumber(nbf)) &&
          exp > now - 30 &&
          iat <= now + 30 &&
          (nbf === undefined || nbf <= now + 30) &&
          exp > iat &&
          exp - iat <= 3_600 &&
          now - iat <= 630
        const one = Array.isArray(aud) && aud.length === 1 ? aud[0] : aud
        const isForUs = one === 'https://us.example' || one === 'other'
        const isSomebody = typeof sub === 'string' && sub.length >= 1 && sub.length <= 1_024
        const failed = failedClaim(each, rules, now)
        expect([each, failed === undefined]).toEqual([each, isTimely && isForUs && isSomebody])
        if (failed === undefined) good++
      }),
      { numRuns: 5_000 },
    )
    expect(good).toBeGreaterThan(0)
  })

  test('grow no better with stricter rules: fewer audiences, a shorter life', () => {
    const stricter = fc.record({
      maxLifetime: fc.integer({ min: 1, max: 3_600 }),
      maxAge: fc.integer({ min: 1, max: 600 }),
      audiences: fc.subarray(rules.audiences),
    })
    fc.assert(
      fc.property(claims, stricter, (each, less) => {
        if (failedClaim(each, { ...rules, ...less }, now) === undefined)
          expect(failedClaim(each, rules, now)).toBeUndefined()
      }),
      { numRuns: 2_000 },
    )
  })
})
