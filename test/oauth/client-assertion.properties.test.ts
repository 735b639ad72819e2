import fc from 'fast-check'
import { exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose'
import { beforeAll, describe, expect, test } from 'vitest'
import { type ClientAssertions, createClientAssertions } from '../../server/oauth/client-assertion.ts'
import { createTestClock } from '../clock.ts'
import { hostileText, mutated } from '../hostile-text.ts'

const ISSUER = 'https://auth.example.com'
const CLIENT = 'su_abcdefgh2345'
const clock = createTestClock(1_800_000_000_000)
const now = clock.now() / 1000

function scene(): ClientAssertions {
  const seen = new Set<string>()
  const remember = async (key: string) => !seen.has(key) && Boolean(seen.add(key))
  return createClientAssertions({ issuer: ISSUER, state: { remember }, clock })
}

describe('a client assertion (RFC 7523 §3)', () => {
  let jwks: { keys: JWK[] }
  let sign: (claims: Record<string, unknown>) => Promise<string>
  beforeAll(async () => {
    const { privateKey, publicKey } = await generateKeyPair('ES256')
    jwks = { keys: [await exportJWK(publicKey)] }
    sign = (claims) => new SignJWT(claims).setProtectedHeader({ alg: 'ES256' }).sign(privateKey)
  })
  const good = () => ({ iss: CLIENT, sub: CLIENT, aud: ISSUER, exp: now + 60, iat: now, jti: crypto.randomUUID() })

  test('that is anything at all names nobody or a text, and is worth nothing', async () => {
    const encoded = (value: unknown) =>
      Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')
    const token = fc.oneof(
      hostileText,
      fc
        .tuple(
          fc.jsonValue(),
          fc.oneof(fc.jsonValue(), fc.record({ sub: fc.oneof(hostileText, fc.jsonValue()) })),
          fc.string(),
        )
        .map(([head, body, end]) => `${encoded(head)}.${encoded(body)}.${encoded(end)}`),
      fc
        .constantFrom('none', 'HS256', 'RS256')
        .map(
          (alg) =>
            `${encoded({ alg })}.${encoded({ iss: CLIENT, sub: CLIENT, aud: ISSUER, exp: now + 60, jti: 'x' })}.`,
        ),
    )
    const assertions = scene()
    await fc.assert(
      fc.asyncProperty(token, async (text) => {
        expect(['string', 'undefined']).toContain(typeof assertions.claimedClientId(text))
        expect(await assertions.verify(text, CLIENT, jwks)).toBe(false)
      }),
      { numRuns: 500 },
    )
  })

  test('that is good is good once: neither it nor anything one character from it is taken again', async () => {
    const assertions = scene()
    const text = await sign(good())
    expect(assertions.claimedClientId(text)).toBe(CLIENT)
    expect(await assertions.verify(text, CLIENT, jwks)).toBe(true)
    await fc.assert(
      fc.asyncProperty(mutated(text), async (changed) => {
        expect(await assertions.verify(changed, CLIENT, jwks)).toBe(false)
      }),
      { numRuns: 500 },
    )
  })

  test('is taken exactly if each of its claims is as it must be', async () => {
    const time = (most: number) =>
      fc.oneof(
        fc.integer({ min: -most, max: most }).map((off): unknown => now + off),
        fc.constantFrom<unknown>('1800000060', null, 1e300, undefined),
      )
    const claims = fc.record({
      iss: fc.constantFrom<unknown>(CLIENT, CLIENT, CLIENT, 'su_aaaaaaaaaaaa', ISSUER, [CLIENT], undefined),
      sub: fc.constantFrom<unknown>(CLIENT, CLIENT, CLIENT, 'su_aaaaaaaaaaaa', 7, undefined),
      aud: fc.constantFrom<unknown>(
        ISSUER,
        ISSUER,
        ISSUER,
        [ISSUER],
        ['x', ISSUER],
        `${ISSUER}/`,
        `${ISSUER}/oauth/token`,
        undefined,
      ),
      exp: fc.oneof(
        { weight: 3, arbitrary: fc.integer({ min: 1, max: 300 }).map((off): unknown => now + off) },
        { weight: 1, arbitrary: time(320) },
      ),
      iat: fc.oneof(
        { weight: 3, arbitrary: fc.constantFrom<unknown>(now, undefined) },
        { weight: 1, arbitrary: time(320) },
      ),
      jti: fc.oneof(
        { weight: 4, arbitrary: fc.uuid().map((id): unknown => id) },
        fc.constantFrom<unknown>('', 7, null, 'x'.repeat(200), 'x'.repeat(201), undefined),
      ),
    })
    let taken = 0
    await fc.assert(
      fc.asyncProperty(claims, async (made) => {
        const { iss, sub, aud, exp, iat, jti } = made
        const present = Object.fromEntries(Object.entries(made).filter(([, value]) => value !== undefined))
        const isTheirs = iss === CLIENT && sub === CLIENT && aud === ISSUER
        const isLive = typeof exp === 'number' && exp > now - 10 && exp - now <= 310
        const isRecent = iat === undefined || (typeof iat === 'number' && iat <= now + 10 && now - iat <= 310)
        const isNamed = typeof jti === 'string' && jti.length >= 1 && jti.length <= 200
        const verdict = await scene().verify(await sign(present), CLIENT, jwks)
        expect(verdict).toBe(isTheirs && isLive && isRecent && isNamed)
        if (verdict) taken++
      }),
      { numRuns: 300 },
    )
    expect(taken).toBeGreaterThan(0)
  })
})
