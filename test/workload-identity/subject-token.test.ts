import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { base64url, CompactSign, type CryptoKey, exportSPKI, importJWK, type JWK, SignJWT } from 'jose'
import { describe, expect, test } from 'vitest'
import { epochSeconds } from '../../server/clock.ts'
import { createOutbound } from '../../server/outbound/outbound.ts'
import { createIssuerKeys } from '../../server/workload-identity/issuer-keys.ts'
import type { WorkloadProvider } from '../../server/workload-identity/model.ts'
import { createSubjectTokens } from '../../server/workload-identity/subject-token.ts'
import { createTestClock } from '../clock.ts'
import { describeDeployments } from '../deployments.ts'
import { createIssuer } from './issuer.ts'
import { providerOf } from './provider.ts'

const OURS = 'https://auth.example.com'
const HOUR = 3_600

/** For what is not about replay. */
const noState = { remember: () => Promise.reject(new Error('nothing may be remembered')) }

async function scene({
  alg = 'RS256' as const,
  ...more
}: { alg?: 'RS256' | 'ES256' | 'EdDSA' } & Partial<WorkloadProvider> = {}) {
  const clock = createTestClock()
  const issuer = await createIssuer({ alg, clock })
  const keys = createIssuerKeys({ outbound: createOutbound({ allow: ['127.0.0.1'] }), clock })
  const provider = providerOf(issuer.url, more)
  const tokens = createSubjectTokens({ issuer: OURS, keys, state: noState, clock })
  const now = epochSeconds(clock.now())
  const verify = (token: string, of: WorkloadProvider = provider) => tokens.verify(token, of)
  return { clock, issuer, keys, provider, tokens, now, verify }
}

const failing = (check: string) => ({ ok: false, failed: { check, held: false } })
const part = (value: unknown) => base64url.encode(typeof value === 'string' ? value : JSON.stringify(value))

describe('a good token', () => {
  test.each(['RS256', 'ES256', 'EdDSA'] as const)('of %s tells whose it is', async (alg) => {
    const { issuer, verify, now } = await scene({ alg })
    const token = await issuer.sign({ sub: 'repo:o/r', jti: 'x', nested: { a: 1 } })
    expect(await verify(token)).toEqual({
      ok: true,
      subject: {
        issuer: issuer.url,
        subject: 'repo:o/r',
        claims: expect.objectContaining({ sub: 'repo:o/r', nested: { a: 1 } }),
        jti: 'x',
        issuedAt: now,
        expiresAt: now + 300,
      },
    })
  })

  test('may be for one of the audiences that the provider allows, and then no longer for us', async () => {
    const { issuer, verify } = await scene({ audiences: ['https://a.example', 'api://b'] })
    for (const aud of ['https://a.example', ['api://b']]) {
      expect(await verify(await issuer.sign({ aud }))).toMatchObject({ ok: true })
    }
    expect(await verify(await issuer.sign({ aud: OURS }))).toMatchObject(failing('audience'))
  })

  test('RFC 7519 §2: its times may have fractions, which go no further', async () => {
    const { issuer, verify, now } = await scene()
    const token = await issuer.sign({ iat: now - 0.5, exp: now + 1.5 })
    expect(await verify(token)).toMatchObject({ ok: true, subject: { issuedAt: now - 1, expiresAt: now + 1 } })
  })

  test('may have a header of any usual type', async () => {
    const { issuer, verify } = await scene()
    for (const typ of [undefined, 'JWT', 'jwt', 'application/jwt', 'JOSE']) {
      expect(await verify(await issuer.sign({}, { typ }))).toMatchObject({ ok: true })
    }
  })
})

describe('what is no token', () => {
  test.each<[string, (token: string) => string]>([
    ['nothing', () => ''],
    ['a word', () => 'token'],
    ['two segments', (token) => token.split('.').slice(0, 2).join('.')],
    ['an encrypted JWT (RFC 7516 §3.1)', (token) => `${token}.a.b`],
    ['JSON (RFC 7515 §7.2)', (token) => JSON.stringify({ payload: token.split('.')[1] })],
    ['white space before it', (token) => ` ${token}`],
    ['a line break after it', (token) => `${token}\n`],
    ['a line break inside', (token) => token.replace('.', '.\n')],
    ['a byte order mark', (token) => `\ufeff${token}`],
    ['padding', (token) => `${token}=`],
    ['base64 of the other alphabet', (token) => token.replace('.', '+.')],
    ['20 KiB', (token) => `${token}${'a'.repeat(20 * 1024)}`],
    ['a header that is no object', (token) => `${part([])}.${token.split('.')[1]}.${token.split('.')[2]}`],
    ['claims that are null', (token) => `${token.split('.')[0]}.${part('null')}.${token.split('.')[2]}`],
    ['claims that are a list', (token) => `${token.split('.')[0]}.${part([1])}.${token.split('.')[2]}`],
    [
      'RFC 7519 §7.2: claims that are not UTF-8',
      (token) => token.replace(/\..*\./, `.${Buffer.from('{"a":"\xff"}', 'latin1').toString('base64url')}.`),
    ],
  ])('%s', async (_, change) => {
    const { issuer, verify } = await scene()
    expect(await verify(change(await issuer.sign()))).toMatchObject(failing('malformed'))
    expect(issuer.requests).toEqual({ discovery: 0, jwks: 0 })
  })

  test('no garbage throws', async () => {
    const { issuer, verify } = await scene()
    const [head = '', body = '', signature = ''] = (await issuer.sign()).split('.')
    const segment = fc.oneof(
      fc.constantFrom(head, body, signature, ''),
      fc.string(),
      fc.json().map(part),
      fc.base64String(),
    )
    const token = fc.oneof(
      fc.string(),
      fc.array(segment, { maxLength: 6 }).map((parts) => parts.join('.')),
    )
    await fc.assert(
      fc.asyncProperty(token, async (text) => {
        const verdict = await verify(text)
        expect(verdict.ok).toBe(text === `${head}.${body}.${signature}`)
      }),
      { numRuns: 500 },
    )
  })

  test('no claims throw', async () => {
    const { issuer, verify } = await scene()
    const value = fc.oneof(fc.jsonValue(), fc.constantFrom(Number.MAX_VALUE, -1, 0, '', [], {}, null))
    const claims = fc.record(
      { exp: value, iat: value, nbf: value, aud: value, sub: value, jti: value },
      { requiredKeys: [] },
    )
    await fc.assert(
      fc.asyncProperty(claims, async (made) => {
        await verify(await issuer.sign(made as Record<string, unknown>))
      }),
      { numRuns: 100 },
    )
  })
})

describe('the header', () => {
  test('RFC 8725 §3.1: only algorithms of the platform; none and HMAC by the public key are not among them', async () => {
    const { issuer, verify } = await scene({ platform: 'github-actions' })
    const token = await issuer.sign()
    const body = token.split('.')[1] as string
    const jwk = issuer.jwks.keys[0] as JWK
    const pem = await exportSPKI((await importJWK({ ...jwk, ext: true }, 'RS256')) as CryptoKey)
    const hmac = new SignJWT(JSON.parse(new TextDecoder().decode(base64url.decode(body))))
    const refused = [
      `${part({ alg: 'none', kid: jwk.kid })}.${body}.`,
      `${part({ alg: 'None', kid: jwk.kid })}.${body}.`,
      `${part({ alg: 'RS512', kid: jwk.kid })}.${body}.${token.split('.')[2]}`,
      `${part({ alg: 'rs256', kid: jwk.kid })}.${body}.${token.split('.')[2]}`,
      `${part({ alg: ['RS256'], kid: jwk.kid })}.${body}.${token.split('.')[2]}`,
      `${part({ kid: jwk.kid })}.${body}.${token.split('.')[2]}`,
      await hmac.setProtectedHeader({ alg: 'HS256', kid: jwk.kid as string }).sign(new TextEncoder().encode(pem)),
    ]
    for (const each of refused) expect(await verify(each)).toMatchObject(failing('algorithm'))
    expect(issuer.requests).toEqual({ discovery: 0, jwks: 0 })
  })

  test('RFC 8725 §3.11: what was made for another use is refused by its type', async () => {
    const { issuer, verify } = await scene()
    const types = [
      'at+jwt',
      'AT+JWT',
      'application/at+jwt',
      'rt+jwt',
      'logout+jwt',
      'dpop+jwt',
      'token-introspection+jwt',
      5,
    ]
    for (const typ of types) {
      expect(await verify(await issuer.sign({}, { typ }))).toMatchObject(failing('type'))
    }
  })

  test('RFC 7515 §4.1.11: an extension that must be understood is not', async () => {
    const { issuer, verify } = await scene()
    const [, body, signature] = (await issuer.sign()).split('.')
    for (const crit of [['b64'], ['x'], [], 'x']) {
      const head = part({ alg: 'RS256', kid: issuer.jwks.keys[0]?.kid, crit, b64: true, x: 1 })
      expect(await verify(`${head}.${body}.${signature}`)).toMatchObject(failing('malformed'))
    }
  })

  test('a kid that is missing, a path or a query costs no fetch', async () => {
    const { issuer, verify } = await scene()
    for (const kid of [
      undefined,
      '',
      '../../key',
      '/dev/null',
      "' OR 1=1 --",
      'a b',
      'a\u0000',
      5,
      ['a'],
      'x'.repeat(513),
    ]) {
      const token = await issuer.sign({}, { kid: 'x' })
      const forged = token.replace(/^[^.]+/, part({ alg: 'RS256', kid }))
      expect(await verify(forged)).toMatchObject(failing('key'))
    }
    expect(issuer.requests).toEqual({ discovery: 0, jwks: 0 })
  })

  test('RFC 7515 §4.1.2 ff.: jku, jwk, x5u and x5c lead nowhere', async () => {
    const [{ issuer, verify }, evil] = [await scene(), await createIssuer()]
    const jwk = evil.jwks.keys[0] as JWK
    const lures = { jku: evil.jwksUri, x5u: evil.url, jwk, x5c: ['MIIB'] }
    const stolenKid = await evil.sign({ iss: issuer.url }, { ...lures, kid: issuer.jwks.keys[0]?.kid as string })
    expect(await verify(stolenKid)).toMatchObject(failing('signature'))
    expect(await verify(await evil.sign({ iss: issuer.url }, lures))).toMatchObject(failing('key'))
    expect(evil.requests).toEqual({ discovery: 0, jwks: 0 })
    expect(await verify(await issuer.sign({}, lures))).toMatchObject({ ok: true })
  })
})

describe('RFC 7523 §3 (1): the issuer', () => {
  test('is compared to the letter, before anything is fetched', async () => {
    const { issuer, verify } = await scene()
    const others = [
      `${issuer.url}/`,
      issuer.url.toUpperCase(),
      `${issuer.url}/evil-enterprise`,
      `${issuer.url}.evil.example`,
      issuer.url.replace('//', '//user@'),
      issuer.url.replace('127.0.0.1', 'localhost'),
      [issuer.url],
      undefined,
      5,
    ]
    for (const iss of others) expect(await verify(await issuer.sign({ iss }))).toMatchObject(failing('issuer'))
    expect(issuer.requests).toEqual({ discovery: 0, jwks: 0 })
  })

  test('is never ourselves, whatever a provider says', async () => {
    const { issuer, verify, provider } = await scene()
    const token = await issuer.sign({ iss: OURS })
    const ours: WorkloadProvider = { ...provider, issuer: OURS, keys: { by: 'uploaded', jwks: issuer.jwks } }
    expect(await verify(token, ours)).toMatchObject(failing('issuer'))
  })

  test('is disabled: nothing of it is looked at', async () => {
    const { issuer, verify, provider } = await scene()
    expect(await verify(await issuer.sign(), { ...provider, disabled: true })).toMatchObject(failing('disabled'))
    expect(issuer.requests.discovery).toBe(0)
  })

  test('says nothing about a token of another that has its name', async () => {
    const [{ issuer, verify }, evil] = [await scene(), await createIssuer()]
    const token = await evil.sign({ iss: issuer.url }, { kid: issuer.jwks.keys[0]?.kid as string })
    expect(await verify(token)).toMatchObject(failing('signature'))
    const changed = (await issuer.sign()).replace(/\.[^.]+\./, `.${part({ iss: issuer.url, sub: 'admin' })}.`)
    expect(await verify(changed)).toMatchObject(failing('signature'))
  })

  test('cannot be asked for a key: later, and when', async () => {
    const { issuer, verify } = await scene()
    issuer.misbehave('error')
    expect(await verify(await issuer.sign())).toMatchObject({ ...failing('keys_unavailable'), retryAfter: 30 })
  })

  test('rotates its key: no token of either fails', async () => {
    const { issuer, verify, clock } = await scene()
    const before = await issuer.sign()
    expect(await verify(before)).toMatchObject({ ok: true })
    clock.advance(60_000)
    await issuer.rotate()
    expect(await verify(await issuer.sign())).toMatchObject({ ok: true })
    expect(await verify(before)).toMatchObject({ ok: true })
  })
})

describe('RFC 7519 §4.1: times', () => {
  test.each<[string, string, (now: number) => Record<string, unknown>]>([
    ['no exp', 'missing_claim', () => ({ exp: undefined })],
    ['exp that is text', 'missing_claim', (now) => ({ exp: `${now + 300}` })],
    ['exp that is null', 'missing_claim', () => ({ exp: null })],
    ['no iat', 'missing_claim', () => ({ iat: undefined })],
    ['iat that is text', 'missing_claim', (now) => ({ iat: `${now}` })],
    ['nbf that is text', 'missing_claim', (now) => ({ nbf: `${now}` })],
    ['expired, beyond the skew', 'expired', (now) => ({ iat: now - 300, exp: now - 31 })],
    ['expired, just beyond the skew', 'expired', (now) => ({ iat: now - 300, exp: now - 30 })],
    ['nbf in ten minutes', 'not_yet_valid', (now) => ({ nbf: now + 600, exp: now + 900 })],
    ['iat beyond the skew', 'not_yet_valid', (now) => ({ iat: now + 31, exp: now + 300 })],
    ['25 hours long', 'lifetime', (now) => ({ exp: now + 25 * HOUR })],
    ['years long', 'lifetime', (now) => ({ exp: now + 20 * 365 * 24 * HOUR })],
    ['an exp beyond all dates', 'lifetime', () => ({ exp: 1e300 })],
    ['over before it began', 'lifetime', (now) => ({ iat: now + 10, exp: now + 5 })],
  ])('%s: %s', async (_, check, claims) => {
    const { issuer, verify, now } = await scene()
    expect(await verify(await issuer.sign(claims(now)))).toMatchObject(failing(check))
  })

  test.each<[string, (now: number) => Record<string, unknown>]>([
    ['exp', (now) => ({ iat: now - 300, exp: now - 29 })],
    ['iat', (now) => ({ iat: now + 30 })],
    ['nbf', (now) => ({ nbf: now + 30 })],
  ])('%s may be off by thirty seconds', async (_, claims) => {
    const { issuer, verify, now } = await scene()
    expect(await verify(await issuer.sign(claims(now)))).toMatchObject({ ok: true })
  })

  test('too old though still good, by what the platform does', async () => {
    const { issuer, verify, provider, now } = await scene()
    const github = { ...provider, platform: 'github-actions' } as const
    const token = await issuer.sign({ iat: now - 640, exp: now + 200 })
    expect(await verify(token, github)).toMatchObject(failing('too_old'))
    expect(await verify(token)).toMatchObject({ ok: true })
    const gitlab = { ...provider, platform: 'gitlab' } as const
    expect(await verify(await issuer.sign({ iat: now - 2 * HOUR, exp: now + HOUR }), gitlab)).toMatchObject({
      ok: true,
    })
  })

  test('SPIFFE JWT-SVID §3: exp is enough, and is bounded all the same', async () => {
    const { issuer, verify, now } = await scene({ platform: 'spiffe' })
    const bare = { iat: undefined, jti: undefined, sub: 'spiffe://prod.example/a' }
    expect(await verify(await issuer.sign(bare))).toMatchObject({
      ok: true,
      subject: { issuedAt: now, jti: undefined },
    })
    expect(await verify(await issuer.sign({ ...bare, exp: now + 2 * HOUR }))).toMatchObject(failing('lifetime'))
    expect(await verify(await issuer.sign({ ...bare, exp: undefined }))).toMatchObject(failing('missing_claim'))
  })
})

describe('RFC 7519 §4.1.3: the audience', () => {
  test.each<[string, unknown]>([
    ['missing', undefined],
    ['null', null],
    ['a number', 5],
    ['an object', { 0: OURS }],
    ['nobody', []],
    ['empty', ''],
    ['another', 'https://other.example'],
    ['ours with a slash', `${OURS}/`],
    ['ours in another case', OURS.toUpperCase()],
    ['ours and another', [OURS, 'https://other.example']],
    ['another and ours', ['https://other.example', OURS]],
    ['ours twice', [OURS, OURS]],
    ['ours in a list in a list', [[OURS]]],
  ])('is %s', async (_, aud) => {
    const { issuer, verify } = await scene()
    expect(await verify(await issuer.sign({ aud }))).toMatchObject({
      ok: false,
      failed: { check: 'audience', expected: [OURS], got: aud },
    })
  })
})

describe('other claims', () => {
  test.each([undefined, null, '', 5, ['a'], { a: 1 }, 'x'.repeat(1_025)])('sub may not be %j', async (sub) => {
    const { issuer, verify } = await scene()
    expect(await verify(await issuer.sign({ sub }))).toMatchObject(failing('missing_claim'))
  })

  test('are parsed once: of a name that is there twice, the last counts for all', async () => {
    const { issuer, verify, now } = await scene()
    const body = `{"iss":"${issuer.url}","aud":"${OURS}","sub":"a","iat":${now},"exp":${now + 60},"id":"74","id":"99","__proto__":{"admin":true}}`
    const pair = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign', 'verify'])
    issuer.jwks.keys.push({ ...((await crypto.subtle.exportKey('jwk', pair.publicKey)) as JWK), kid: 'ours' })
    const token = await new CompactSign(new TextEncoder().encode(body))
      .setProtectedHeader({ alg: 'ES256', kid: 'ours' })
      .sign(pair.privateKey)
    const verdict = await verify(token)
    expect(verdict).toMatchObject({ ok: true, subject: { claims: { id: '99' } } })
    expect(verdict.ok && (verdict.subject.claims as { admin?: boolean }).admin).toBeUndefined()
  })
})

describeDeployments('single use', (open) => {
  async function using(more: Partial<WorkloadProvider> = {}) {
    const { issuer, keys, clock, provider } = await scene({ singleUse: true, ...more })
    const { nodes } = await open({ clock })
    const tokens = nodes.map(({ state }) => createSubjectTokens({ issuer: OURS, keys, state: state.live, clock }))
    const use = async (token: string, of = provider, node = 0) => {
      const each = tokens[node % tokens.length] as (typeof tokens)[0]
      const verdict = await each.verify(token, of)
      if (!verdict.ok) throw new Error(verdict.failed.check)
      return each.isFirstUse(verdict.subject, of, token)
    }
    return { issuer, clock, provider, use }
  }

  test('of a jti: one of twenty at once, on all nodes together, and none after', async () => {
    const { issuer, use } = await using()
    const token = await issuer.sign()
    const first = await Promise.all(Array.from({ length: 20 }, (_, i) => use(token, undefined, i)))
    expect(first.filter(Boolean)).toHaveLength(1)
    expect(await use(token)).toBe(false)
    expect(await use(await issuer.sign())).toBe(true)
  })

  test('of a jti in another token, and by another provider of the tenant', async () => {
    const { issuer, use, provider } = await using()
    expect(await use(await issuer.sign({ jti: 'one' }))).toBe(true)
    expect(await use(await issuer.sign({ jti: 'one', sub: 'other' }))).toBe(false)
    expect(await use(await issuer.sign({ jti: 'one' }), { ...provider, id: 'wp_2' })).toBe(false)
    expect(await use(await issuer.sign({ jti: 'one' }), { ...provider, tenantId: 'tenant_2' })).toBe(true)
  })

  test('of a token without jti, however its signature is spelled', async () => {
    const { issuer, use } = await using()
    const token = await issuer.sign({ jti: undefined })
    expect(await use(token)).toBe(true)
    expect(await use(token)).toBe(false)
    // 256 bytes are 342 characters and four bits: those say nothing, and a lenient reader takes any.
    const respelled = token.slice(0, -1) + String.fromCharCode(token.charCodeAt(token.length - 1) + 1)
    expect(await use(respelled).catch(() => false)).toBe(false)
  })

  test('is remembered for as long as the token is good, skew included', async () => {
    const { issuer, use, clock } = await using()
    const token = await issuer.sign()
    expect(await use(token)).toBe(true)
    clock.advance(329_000)
    expect(await use(token)).toBe(false)
  })

  test('only where the provider says so', async () => {
    const { issuer, use } = await using({ singleUse: false })
    const token = await issuer.sign()
    expect([await use(token), await use(token)]).toEqual([true, true])
  })

  test('needs a jti that is a name, where there is one', async () => {
    const { issuer, use } = await using()
    for (const jti of ['', 5, null, ['a'], 'x'.repeat(513)]) {
      await expect(use(await issuer.sign({ jti }))).rejects.toThrow('missing_claim')
    }
    expect(await use(await issuer.sign({ jti: createHash('sha256').digest('hex') }))).toBe(true)
  })
})
