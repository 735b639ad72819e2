import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import { deriveMasterKeys } from '../../server/credentials/master-key.ts'
import { createDpopNonces } from '../../server/oauth/dpop-nonce.ts'
import { createDpopProofs, type DpopProofs } from '../../server/oauth/dpop-proof.ts'
import { createTestClock } from '../clock.ts'
import { hostileText, mutated } from '../hostile-text.ts'
import { createProver, type Prover } from './prover.ts'

const URL = 'https://auth.example.com/oauth/token'
const clock = createTestClock(1_800_000_000_000)
const now = clock.now() / 1000

function scene(): DpopProofs {
  const seen = new Set<string>()
  const remember = async (key: string) => !seen.has(key) && Boolean(seen.add(key))
  const nonces = createDpopNonces({ mode: 'live', masterKeys: deriveMasterKeys([randomBytes(32)]), clock })
  return createDpopProofs({ state: { remember }, nonces, clock })
}
const encoded = (value: unknown) =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')

describe('a DPoP proof', () => {
  let prover: Prover
  beforeAll(async () => {
    prover = await createProver(() => clock.now())
  })

  test('that is anything at all is refused as one: no error of a library, nothing of it repeated', async () => {
    const header = fc.oneof(
      fc.record(
        {
          typ: fc.constantFrom('dpop+jwt', 'JWT', 1),
          alg: fc.constantFrom('ES256', 'EdDSA', 'none', 'HS256', 'RS256', 7),
          jwk: fc.oneof(
            fc.jsonValue(),
            fc.constant(0).map(() => prover.jwk),
          ),
        },
        { requiredKeys: [] },
      ),
      fc.jsonValue(),
    )
    const token = fc.oneof(
      hostileText,
      fc
        .tuple(header, fc.jsonValue(), fc.base64String())
        .map(([head, body, signature]) => `${encoded(head)}.${encoded(body)}.${signature.replaceAll(/[=+/]/g, '_')}`),
      fc.array(hostileText, { minLength: 2, maxLength: 4 }).map((parts) => parts.map(encoded).join('.')),
    )
    const proofs = scene()
    await fc.assert(
      fc.asyncProperty(token, async (proof) => {
        const verdict = await proofs.verify({ proof, method: 'POST', url: URL })
        expect(verdict).toMatchObject({ ok: false, error: 'invalid_dpop_proof' })
        if (!verdict.ok && proof.length > 20) expect(verdict.description).not.toContain(proof)
        // What a client knows of nonces is read from it all the same.
        expect(proofs.freshNonce(proof)).toMatch(/^[\w-]{43}$/)
      }),
      { numRuns: 500 },
    )
  })

  test('that is good is good once: neither it nor anything one character from it is taken again', async () => {
    const proofs = scene()
    const proof = await prover.prove('POST', URL)
    expect(await proofs.verify({ proof, method: 'POST', url: URL })).toMatchObject({ ok: true })
    await fc.assert(
      fc.asyncProperty(mutated(proof), async (text) => {
        expect(await proofs.verify({ proof: text, method: 'POST', url: URL })).toMatchObject({
          ok: false,
          error: 'invalid_dpop_proof',
        })
      }),
      { numRuns: 500 },
    )
  })

  test('is taken exactly if each of its claims is as RFC 9449 §4.3 says', async () => {
    const claims = fc.record({
      htm: fc.constantFrom<unknown>('POST', 'POST', 'POST', 'GET', 'post', 1),
      htu: fc.constantFrom<unknown>(
        URL,
        URL,
        `${URL}?a=b`,
        `${URL}#c`,
        'https://auth.example.com/oauth/introspect',
        'http://auth.example.com/oauth/token',
        7,
        null,
      ),
      iat: fc.oneof(
        fc
          .oneof(fc.integer({ min: -302, max: 302 }), fc.constantFrom(-300, 300, -301, 301))
          .map((off): unknown => now + off),
        fc.constantFrom<unknown>('1800000000', null, 1e300, now + 0.5),
      ),
      jti: fc.oneof(
        fc.uuid().map((id): unknown => id),
        fc.constantFrom<unknown>('', 7, null, 'x'.repeat(256), 'x'.repeat(257)),
      ),
    })
    await fc.assert(
      fc.asyncProperty(claims, async ({ htm, htu, iat, jti }) => {
        const proof = await prover.prove('POST', URL, { htm, htu, iat, jti } as never)
        const verdict = await scene().verify({ proof, method: 'POST', url: URL })
        const isForUs = htm === 'POST' && typeof htu === 'string' && htu.replace(/[?#].*$/, '') === URL
        const isFresh = typeof iat === 'number' && Math.abs(iat - now) <= 300
        const isNamed = typeof jti === 'string' && jti.length >= 1 && jti.length <= 256
        expect(verdict.ok).toBe(isForUs && isFresh && isNamed)
      }),
      { numRuns: 200 },
    )
  })

  test('tells of its nonce what it says, and a nonce one character off is none of ours', async () => {
    const nonces = createDpopNonces({ mode: 'live', masterKeys: deriveMasterKeys([randomBytes(32)]), clock })
    fc.assert(
      fc.property(fc.oneof(mutated(nonces.newest()), hostileText), (text) => {
        expect([nonces.isNewest(text), nonces.endOf(text)]).toEqual([false, undefined])
      }),
      { numRuns: 1_000 },
    )
  })
})
