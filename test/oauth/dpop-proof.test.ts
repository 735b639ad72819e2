import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { base64url, type JWTPayload, SignJWT } from 'jose'
import { beforeEach, describe, expect, test } from 'vitest'
import { deriveMasterKeys } from '../../server/credentials/master-key.ts'
import { createDpopNonces } from '../../server/oauth/dpop-nonce.ts'
import { createDpopProofs, DPOP_ALGS, type DpopProofs, type ProofRequest } from '../../server/oauth/dpop-proof.ts'
import { StoreUnavailable } from '../../server/storage/state-store.ts'
import { createTestClock, type TestClock } from '../clock.ts'
import { ath, createProver } from './prover.ts'

const ENDPOINT = 'https://auth.example.com/oauth/token'
const STEP = 60_000
const masterKeys = deriveMasterKeys([randomBytes(32)])

describe('a DPoP proof (RFC 9449)', async () => {
  let clock: TestClock
  let remembered: Map<string, number>
  let proofs: DpopProofs
  const prover = await createProver(() => clock.now())

  const nonces = () => createDpopNonces({ mode: 'live', masterKeys, clock })
  const seconds = () => Math.floor(clock.now() / 1000)
  const prove = (claims: JWTPayload = {}, header: object = {}) => prover.prove('POST', ENDPOINT, claims, header)
  const verify = (proof: string, more: Partial<ProofRequest> = {}) =>
    proofs.verify({ proof, method: 'POST', url: ENDPOINT, ...more })
  const verdict = async (proof: string, more: Partial<ProofRequest> = {}) => {
    const answer = await verify(proof, more)
    return answer.ok ? 'ok' : answer.error
  }

  beforeEach(() => {
    clock = createTestClock(1_800_000_000_000)
    remembered = new Map()
    const state = {
      async remember(key: string, until: number) {
        if ((remembered.get(key) ?? 0) > clock.now()) return false
        remembered.set(key, until)
        return true
      },
    }
    proofs = createDpopProofs({ state, nonces: nonces(), clock })
  })

  describe('§4.3: the checks', () => {
    test.each(DPOP_ALGS)('a good one of %s is accepted, whatever else it claims', async (alg) => {
      const { jkt, prove } = await createProver(() => clock.now(), alg)
      const proof = await prove('POST', ENDPOINT, { ath: ath('not asked for'), more: { than: 'enough' } })
      expect(await verify(proof)).toMatchObject({ ok: true, proof: { jkt } })
    })

    test('(1) two proofs in one header, or anything around one', async () => {
      const [one, two] = [await prove(), await prove()]
      for (const proof of [`${one}, ${two}`, `${one},`, ` ${one}`, `${one}.${two}`, `${one}==`, '', '..']) {
        expect(await verdict(proof)).toBe('invalid_dpop_proof')
      }
    })

    test.each([
      ['(3) no jti', { jti: undefined }, {}, 'lacks a claim'],
      ['(3) an empty jti', { jti: '' }, {}, 'lacks a claim'],
      ['(3) an endless jti', { jti: 'x'.repeat(257) }, {}, 'lacks a claim'],
      ['(3) a jti that is a number', { jti: 7 }, {}, 'lacks a claim'],
      ['(3) no htm', { htm: undefined }, {}, 'lacks a claim'],
      ['(3) no htu', { htu: undefined }, {}, 'lacks a claim'],
      ['(3) htu that is a list', { htu: [ENDPOINT] }, {}, 'lacks a claim'],
      ['(3) no iat', { iat: undefined }, {}, 'lacks a claim'],
      ['(3) iat that is text', { iat: '1800000000' }, {}, 'the iat'],
      ['(3) iat that is null', { iat: null }, {}, 'the iat'],
      ['(3) a nonce that is a number', { nonce: 1 }, {}, 'lacks a claim'],
      ['(4) another typ', {}, { typ: 'JWT' }, 'the typ'],
      ['(4) no typ', {}, { typ: undefined }, 'the typ'],
      ['(7) no key', {}, { jwk: undefined }, 'not a JWT signed by'],
      ['(7) a key that is a string', {}, { jwk: 'key' }, 'not a JWT signed by'],
      ['(8) another method', { htm: 'GET' }, {}, 'another method'],
      ['(8) the method in another case', { htm: 'post' }, {}, 'another method'],
      ['RFC 7519 §4.1.4: expired by its own word', { exp: 1 }, {}, 'the exp'],
      ['RFC 7519 §4.1.5: not before another time', { nbf: 3_000_000_000 }, {}, 'the nbf'],
    ])('%s', async (_, claims, header, description) => {
      const error = { error: 'invalid_dpop_proof', description: expect.stringContaining(description) }
      expect(await verify(await prove(claims as JWTPayload, header))).toMatchObject(error)
      expect(remembered.size).toBe(0)
    })

    test('(5) none, symmetric algorithms and those not on the list', async () => {
      const secret = randomBytes(32)
      const claims = { htm: 'POST', htu: ENDPOINT, iat: seconds(), jti: 'x' }
      const jwk = { kty: 'oct', k: secret.toString('base64url') }
      const symmetric = await new SignJWT(claims)
        .setProtectedHeader({ alg: 'HS256', typ: 'dpop+jwt', jwk } as never)
        .sign(secret)
      const none = unsigned({ alg: 'none', typ: 'dpop+jwt', jwk: prover.jwk }, claims)
      const missing = unsigned({ typ: 'dpop+jwt', jwk: prover.jwk }, claims)
      const rs256 = await (await createProver(() => clock.now(), 'RS256')).prove('POST', ENDPOINT)
      const es384 = await (await createProver(() => clock.now(), 'ES384')).prove('POST', ENDPOINT)
      for (const proof of [symmetric, none, `${none.slice(0, none.lastIndexOf('.'))}.`, missing, rs256, es384]) {
        expect(await verdict(proof)).toBe('invalid_dpop_proof')
      }
    })

    test('(6) signed by another key than it names', async () => {
      const thief = await createProver(() => clock.now())
      expect(await verdict(await thief.prove('POST', ENDPOINT, {}, { jwk: prover.jwk }))).toBe('invalid_dpop_proof')
      const [header, , signature] = (await prove()).split('.')
      const [, payload] = (await prove({ jti: 'mine' })).split('.')
      expect(await verdict([header, payload, signature].join('.'))).toBe('invalid_dpop_proof')
    })

    test.each(DPOP_ALGS)('(7) a private key of %s, or a part of one', async (alg) => {
      const { jwk, privateJwk, prove } = await createProver(() => clock.now(), alg)
      for (const member of Object.keys(privateJwk).filter((name) => !(name in jwk))) {
        const leaky = { ...jwk, [member]: privateJwk[member as 'd'] }
        expect(await verdict(await prove('POST', ENDPOINT, {}, { jwk: leaky })), member).toBe('invalid_dpop_proof')
      }
      expect(await verdict(await prove('POST', ENDPOINT, {}, { jwk: privateJwk }))).toBe('invalid_dpop_proof')
      expect(await verdict(await prove('POST', ENDPOINT))).toBe('ok')
    })

    test.each([
      'HTTPS://AUTH.EXAMPLE.COM/oauth/token',
      'https://auth.example.com:443/oauth/token',
      'https://auth.example.com/oauth/token?grant_type=x',
      'https://auth.example.com/oauth/token#fragment',
      'https://auth.example.com/oauth/./x/../token',
      'https://auth.example.com/%6fauth/toke%6E',
    ])('(9) RFC 3986 §6.2.2, §6.2.3: %s is the same', async (htu) => {
      expect(await verdict(await prove({ htu }))).toBe('ok')
    })

    test.each([
      'http://auth.example.com/oauth/token',
      'https://auth.example.com:8443/oauth/token',
      'https://auth.example.com/oauth/token/',
      'https://auth.example.com/oauth/Token',
      'https://auth.example.com/oauth%2Ftoken',
      'https://auth.example.com//oauth/token',
      'https://me@auth.example.com/oauth/token',
      'https://auth.example.com.evil.example/oauth/token',
      'https:\\\\auth.example.com\\oauth\\token',
      'https:auth.example.com/oauth/token',
      ' https://auth.example.com/oauth/token',
      'https://auth.example.com/oauth/\ttoken',
      '/oauth/token',
      '',
    ])('(9) %j is another', async (htu) => {
      expect(await verdict(await prove({ htu }))).toBe('invalid_dpop_proof')
    })

    test('(9) RFC 3986 §6.2.2.1: hex digits in any case', async () => {
      const url = 'https://auth.example.com/v1/a%2Fb'
      expect(await verdict(await prove({ htu: 'https://auth.example.com/v1/a%2fb' }), { url })).toBe('ok')
    })

    test('(11) without a nonce, 300 s off is the most, either way', async () => {
      for (const off of [-300, 0, 300, 299.5]) expect(await verdict(await prove({ iat: seconds() + off }))).toBe('ok')
      for (const off of [-301, 301, -1e9, 1e300]) {
        expect(await verdict(await prove({ iat: seconds() + off }))).toBe('use_dpop_nonce')
      }
    })

    test('(12) with an access token, ath is its hash', async () => {
      const accessToken = 'token'
      expect(await verdict(await prove({ ath: ath(accessToken) }), { accessToken })).toBe('ok')
      for (const wrong of [undefined, '', accessToken, ath('other'), [ath(accessToken)]]) {
        expect(await verdict(await prove({ ath: wrong }), { accessToken })).toBe('invalid_dpop_proof')
      }
    })

    test('what is refused is told in general words', async () => {
      const marked = await prove(
        { htm: 'MARK', jti: 'MARK', htu: 'https://mark.example' },
        { kid: 'MARK', typ: 'MARK' },
      )
      for (const proof of [marked, 'MARK', await prove({ htm: 'MARK' }), await prove({ nonce: 'MARK' })]) {
        const answer = await verify(proof)
        expect(answer).toMatchObject({ ok: false, description: expect.stringMatching(/^the [a-z ]*DPoP [ -~]+$/) })
        expect(JSON.stringify(answer)).not.toMatch(/mark|"[^"]*\\/i)
      }
    })
  })

  describe('§8: a nonce', () => {
    test('makes any iat good: the clock of the client may be off', async () => {
      for (const iat of [1, seconds() - 3600, seconds() + 86_400 * 365 * 100, 0.5]) {
        expect(await verdict(await prove({ iat, nonce: nonces().newest() }))).toBe('ok')
      }
    })

    test("an old one, another server's, an empty one: use_dpop_nonce, though iat be right", async () => {
      const old = nonces().newest()
      clock.advance(5 * STEP)
      const foreign = createDpopNonces({ mode: 'live', masterKeys: deriveMasterKeys([randomBytes(32)]), clock })
      for (const nonce of [old, foreign.newest(), ''])
        expect(await verdict(await prove({ nonce }))).toBe('use_dpop_nonce')
      expect(remembered.size).toBe(0)
    })

    test('one retry with the nonce that was sent suffices, also when the step ends between', async () => {
      const late = await prove({ iat: 1 })
      expect(await verdict(late)).toBe('use_dpop_nonce')
      const nonce = proofs.freshNonce(late)
      clock.advance(STEP)
      expect(await verdict(await prove({ iat: 1, nonce }))).toBe('ok')
    })

    test('§8.2: a newer one is sent unless the newest was used, whatever became of the proof', async () => {
      const newest = nonces().newest()
      for (const proof of [await prove(), await prove({ nonce: 'old' }), await prove({ nonce: 7 }), 'garbage', '..']) {
        expect(proofs.freshNonce(proof)).toBe(newest)
      }
      expect(proofs.freshNonce(await prove({ nonce: newest }))).toBeUndefined()
      expect(proofs.freshNonce(undefined)).toBeUndefined()
      const proof = await prove({ nonce: newest })
      clock.advance(STEP)
      expect(proofs.freshNonce(proof)).toBe(nonces().newest())
    })
  })

  describe('§11.1: replay', () => {
    test('is invalid_dpop_proof; the same jti of another key is another proof', async () => {
      const proof = await prove({ jti: 'x' })
      expect(await verdict(proof)).toBe('ok')
      expect(await verdict(proof)).toBe('invalid_dpop_proof')
      const other = await createProver(() => clock.now())
      expect(await verdict(await other.prove('POST', ENDPOINT, { jti: 'x' }))).toBe('ok')
    })

    test.each([
      ['dated ahead', () => ({ iat: seconds() + 290 }), 700],
      ['dated back', () => ({ iat: seconds() - 290 }), 700],
      ['with a nonce', () => ({ iat: 1, nonce: nonces().newest() }), 700],
    ])('one %s is good at no later second', async (_, claims, forSeconds) => {
      const proof = await prove(claims())
      expect(await verdict(proof)).toBe('ok')
      for (let second = 0; second < forSeconds; second += 5) {
        clock.advance(5000)
        expect(await verdict(proof)).toMatch(/^(invalid_dpop_proof|use_dpop_nonce)$/)
      }
      expect(await verdict(proof)).toBe('use_dpop_nonce') // it ended by itself
    })

    test('a node whose clock is up to a minute behind takes it for fresh, and finds it remembered', async () => {
      const late = createTestClock(clock.now() - STEP)
      const remember = async (key: string) => (remembered.get(key) ?? 0) <= clock.now() // as Redis: by its own clock
      const lateNonces = createDpopNonces({ mode: 'live', masterKeys, clock: late })
      const elsewhere = createDpopProofs({ state: { remember }, nonces: lateNonces, clock: late })
      for (const claims of [() => ({}), () => ({ nonce: nonces().newest() })]) {
        const proof = await prove(claims())
        expect(await verdict(proof)).toBe('ok')
        for (const each of [clock, late]) each.advance(5 * STEP + 2000)
        expect(await verdict(proof)).toBe('use_dpop_nonce')
        const answer = await elsewhere.verify({ proof, method: 'POST', url: ENDPOINT })
        expect(answer).toMatchObject({ ok: false, description: 'the DPoP proof was used before' })
      }
    })

    test('memory is bounded: no proof is remembered for long, whatever it claims, and whole milliseconds', async () => {
      const nonce = nonces().newest()
      for (const iat of [seconds() + 0.123456, seconds() + 300, seconds() - 300]) await verify(await prove({ iat }))
      for (const iat of [1e300, -1e300, 0.1, seconds()]) await verify(await prove({ iat, nonce }))
      expect(remembered.size).toBe(7)
      for (const until of remembered.values()) {
        expect(Number.isInteger(until)).toBe(true)
        expect(until - clock.now()).toBeLessThanOrEqual((300 + 300 + 1) * 1000 + STEP)
      }
    })

    test('nothing of a proof that is refused is remembered, and a store that is away accepts none', async () => {
      await verify(await prove({ htm: 'GET' }))
      expect(remembered.size).toBe(0)
      const remember = () => Promise.reject(new StoreUnavailable('redis', 'away'))
      const away = createDpopProofs({ state: { remember }, nonces: nonces(), clock })
      const request = { proof: await prove(), method: 'POST', url: ENDPOINT }
      await expect(away.verify(request)).rejects.toThrow(StoreUnavailable)
    })
  })

  describe('whatever is sent', () => {
    const json = fc.oneof(fc.jsonValue(), fc.object())
    const refusedQuietly = async (proof: string, url: string) => {
      expect(await verdict(proof, { url })).toMatch(/^(invalid_dpop_proof|use_dpop_nonce)$/)
      expect(proofs.freshNonce(proof)).toBe(nonces().newest())
    }

    test('garbage is refused and never throws', async () => {
      const part = fc.oneof(fc.base64String(), fc.string(), json.map(encoded))
      const garbage = fc.oneof(
        fc.string({ unit: 'binary' }),
        fc.array(part, { minLength: 3, maxLength: 3 }).map((parts) => parts.join('.')),
      )
      await fc.assert(fc.asyncProperty(garbage, fc.oneof(fc.constant(ENDPOINT), fc.string()), refusedQuietly))
    })

    test('so is a header that is nearly right', async () => {
      const header = fc.record(
        {
          alg: fc.oneof(fc.constantFrom(...DPOP_ALGS), json),
          typ: fc.oneof(fc.constant('dpop+jwt'), json),
          jwk: fc.oneof(
            json,
            fc.record({
              kty: fc.constantFrom('EC', 'OKP', 'RSA', 'oct', 'AKP'),
              crv: json,
              x: json,
              y: json,
              n: json,
              e: json,
            }),
          ),
          crit: json,
        },
        { requiredKeys: [] },
      )
      const proof = fc
        .tuple(header, json, fc.base64String())
        .map(([head, claims, signature]) =>
          [encoded(head), encoded(claims), signature.replace(/[^\w]/g, '') || 'AA'].join('.'),
        )
      await fc.assert(fc.asyncProperty(proof, (written) => refusedQuietly(written, ENDPOINT)))
    })

    test('so are signed claims of any kind', async () => {
      const claims = fc.record(
        { htm: json, htu: json, iat: json, jti: json, nonce: json, exp: json, nbf: json },
        { requiredKeys: ['htm', 'htu'] },
      )
      await fc.assert(
        fc.asyncProperty(claims, async (given) => {
          await refusedQuietly(await prove(given as JWTPayload), ENDPOINT)
        }),
      )
    })
  })
})

const encoded = (value: unknown): string => base64url.encode(JSON.stringify(value) ?? '')

const unsigned = (header: object, claims: object): string => [encoded(header), encoded(claims), 'AA'].join('.')
