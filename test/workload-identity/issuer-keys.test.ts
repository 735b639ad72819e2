import { exportJWK, generateKeyPair, type JWK } from 'jose'
import { beforeAll, describe, expect, test } from 'vitest'
import { createOutbound, type Outbound } from '../../server/outbound/outbound.ts'
import { createIssuerKeys } from '../../server/workload-identity/issuer-keys.ts'
import type { WorkloadProvider } from '../../server/workload-identity/model.ts'
import { createTestClock } from '../clock.ts'
import { createIssuer, type Misbehaviour, type TestIssuer } from './issuer.ts'
import { providerOf } from './provider.ts'

const SECOND = 1_000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE

function keysWith({ allow = ['127.0.0.1'], timeout = 10_000 } = {}) {
  const clock = createTestClock()
  return { clock, keys: createIssuerKeys({ outbound: createOutbound({ allow }), clock, timeout }) }
}

const hintOf = ({ jwks }: TestIssuer, at = -1) => ({ alg: 'RS256', kid: jwks.keys.at(at)?.kid as string })
const unknown = (kid = 'unknown') => ({ alg: 'RS256', kid })
const noKey = { ok: false, failed: { check: 'key', held: false } }
const unavailable = (got: string, retryAfter: number) => ({
  ok: false,
  failed: { check: 'keys_unavailable', held: false, got },
  retryAfter,
})

describe('where the keys are', () => {
  test('OpenID Connect Discovery §4: below the issuer, a slash at its end or not', async () => {
    for (const path of ['', '/tenant', '/tenant/']) {
      const issuer = await createIssuer({ path: path.replace(/\/$/, '') })
      const url = `${issuer.url.replace(/\/$/, '')}${path.endsWith('/') ? '/' : ''}`
      issuer.publish.discovery.issuer = url
      const { keys } = keysWith()
      expect(await keys.find(providerOf(url), hintOf(issuer))).toMatchObject({ ok: true })
      expect(issuer.requests).toEqual({ discovery: 1, jwks: 1 })
    }
  })

  test.each<[string, (issuer: TestIssuer) => Record<string, unknown>, string]>([
    ['of another issuer (§4.3)', () => ({ issuer: 'https://other.example' }), 'discovery_of_another_issuer'],
    ['of the issuer with a slash more', ({ url }) => ({ issuer: `${url}/` }), 'discovery_of_another_issuer'],
    [
      'of the issuer in another case',
      ({ url }) => ({ issuer: url.replace('http', 'HTTP') }),
      'discovery_of_another_issuer',
    ],
    ['without jwks_uri', () => ({ jwks_uri: undefined }), 'discovery_invalid'],
    ['with a list of them', () => ({ jwks_uri: ['https://a.example'] }), 'discovery_invalid'],
    ['that leads to plain http elsewhere', () => ({ jwks_uri: 'http://169.254.169.254/jwks' }), 'jwks_not_https'],
    ['that leads into the network', () => ({ jwks_uri: 'https://169.254.169.254/jwks' }), 'jwks_forbidden_address'],
    ['that leads to a file', () => ({ jwks_uri: 'file:///etc/passwd' }), 'jwks_not_https'],
  ])('a discovery document %s is refused', async (_, change, reason) => {
    const issuer = await createIssuer()
    Object.assign(issuer.publish.discovery, change(issuer))
    const { keys } = keysWith()
    expect(await keys.find(providerOf(issuer.url), hintOf(issuer))).toEqual(unavailable(reason, 30))
    expect(issuer.requests.jwks).toBe(0)
  })

  test('an address that is pinned needs no discovery', async () => {
    const issuer = await createIssuer()
    const { keys } = keysWith()
    const pinned = providerOf('https://cluster.example', { keys: { by: 'jwks_uri', uri: issuer.jwksUri } })
    expect(await keys.find(pinned, hintOf(issuer))).toMatchObject({ ok: true })
    expect(issuer.requests).toEqual({ discovery: 0, jwks: 1 })
  })

  test('http and the loopback only where the operator allows it', async () => {
    const issuer = await createIssuer()
    const { keys } = keysWith({ allow: [] })
    expect(await keys.find(providerOf(issuer.url), hintOf(issuer))).toEqual(unavailable('discovery_not_https', 30))
    const secure = providerOf(issuer.url.replace('http', 'https'))
    expect(await keys.find(secure, hintOf(issuer))).toEqual(unavailable('discovery_forbidden_address', 30))
    expect(issuer.requests).toEqual({ discovery: 0, jwks: 0 })
  })

  test('an issuer whose keys moved is asked where they are, after the old place failed', async () => {
    const issuer = await createIssuer()
    const { keys, clock } = keysWith()
    const provider = providerOf(issuer.url)
    await keys.find(provider, hintOf(issuer))
    const elsewhere = await createIssuer()
    issuer.publish.discovery.jwks_uri = elsewhere.jwksUri
    issuer.misbehave('error', 'jwks')
    clock.advance(11 * MINUTE)
    expect(await keys.find(provider, hintOf(elsewhere))).toEqual(unavailable('jwks_bad_status', 30))
    clock.advance(30 * SECOND)
    expect(await keys.find(provider, hintOf(elsewhere))).toMatchObject({ ok: true })
  })
})

describe('the cache', () => {
  test('forty at once are one flight, forty after them none', async () => {
    const issuer = await createIssuer()
    const { keys } = keysWith()
    const provider = providerOf(issuer.url)
    const found = await Promise.all(Array.from({ length: 40 }, () => keys.find(provider, hintOf(issuer))))
    expect(found.every(({ ok }) => ok)).toBe(true)
    for (let i = 0; i < 40; i++) await keys.find(provider, hintOf(issuer))
    expect(issuer.requests).toEqual({ discovery: 1, jwks: 1 })
  })

  test.each([
    ['without headers', {}, 10 * MINUTE],
    ['max-age=300', { 'cache-control': 'public, max-age=300' }, 5 * MINUTE],
    ['no-store: a minute all the same', { 'cache-control': 'no-store' }, MINUTE],
    ['a year: an hour all the same', { 'cache-control': 'max-age=31536000' }, HOUR],
  ])('is good for as long as RFC 9111 and our bounds say: %s', async (_, headers, lasts) => {
    const issuer = await createIssuer()
    issuer.publish.headers = headers
    const { keys, clock } = keysWith()
    const provider = providerOf(issuer.url)
    const hint = hintOf(issuer)
    await keys.find(provider, hint)
    clock.advance(lasts * 0.8 - 1)
    await keys.find(provider, hint)
    expect(issuer.requests.jwks).toBe(1)

    await issuer.rotate({ forget: true })
    clock.advance(lasts * 0.2 + 1)
    // A key that the issuer took back is refused once the copy is old, and nobody is served by it any longer.
    expect(await keys.find(provider, hint)).toMatchObject(noKey)
    expect(issuer.requests).toEqual({ discovery: 1, jwks: 2 })
  })

  test('is renewed in the background before it is old, and nobody waits', async () => {
    const issuer = await createIssuer()
    const { keys, clock } = keysWith({ timeout: 500 })
    const provider = providerOf(issuer.url)
    await keys.find(provider, hintOf(issuer))
    clock.advance(9 * MINUTE)
    issuer.misbehave('hang')
    const found = await Promise.race([
      keys.find(provider, hintOf(issuer)),
      new Promise((resolve) => setImmediate(resolve)),
    ])
    expect(found).toMatchObject({ ok: true })
    await expect.poll(() => issuer.requests.jwks).toBe(2)
  })

  test('tenants share the keys of an issuer, and providers that pin another address do not', async () => {
    const [issuer, other] = [await createIssuer(), await createIssuer()]
    const { keys } = keysWith()
    await keys.find(providerOf(issuer.url), hintOf(issuer))
    await keys.find(providerOf(issuer.url, { tenantId: 'tenant_2', id: 'wp_2' }), hintOf(issuer))
    expect(issuer.requests.jwks).toBe(1)
    const pinned = providerOf(issuer.url, { tenantId: 'evil', keys: { by: 'jwks_uri', uri: other.jwksUri } })
    expect(await keys.find(pinned, hintOf(issuer))).toMatchObject(noKey)
    expect(await keys.find(providerOf(issuer.url), hintOf(other))).toMatchObject(noKey)
  })

  test('is warm after the start, however some issuers behave', async () => {
    const issuers = await Promise.all(Array.from({ length: 9 }, () => createIssuer()))
    issuers[0]?.misbehave('hang')
    issuers[1]?.misbehave('error')
    const { keys } = keysWith({ timeout: 300 })
    const providers = issuers.map(({ url }) => providerOf(url))
    const disabled = await createIssuer()
    const pasted = providerOf('https://cluster.example', { keys: { by: 'uploaded', jwks: disabled.jwks } })
    await keys.warm([...providers, providerOf(disabled.url, { disabled: true }), pasted])
    expect(issuers.slice(2).map(({ requests }) => requests.jwks)).toEqual([1, 1, 1, 1, 1, 1, 1])
    expect(disabled.requests).toEqual({ discovery: 0, jwks: 0 })
    for (const issuer of issuers.slice(2)) {
      issuer.misbehave('error')
      expect(await keys.find(providerOf(issuer.url), hintOf(issuer))).toMatchObject({ ok: true })
    }
  })
})

describe('an unknown kid', () => {
  test('forty of them cause two fetches, whether at once or one by one', async () => {
    for (const atOnce of [true, false]) {
      const issuer = await createIssuer()
      const { keys } = keysWith()
      const provider = providerOf(issuer.url)
      const find = (_: unknown, i: number) => keys.find(provider, unknown(`unknown-${i}`))
      const answers = []
      if (atOnce) answers.push(...(await Promise.all(Array.from({ length: 40 }, find))))
      else for (let i = 0; i < 40; i++) answers.push(await find(undefined, i))
      expect(answers.some(({ ok }) => ok)).toBe(false)
      expect(issuer.requests.jwks).toBeLessThanOrEqual(2)
      expect(issuer.requests.discovery).toBe(1)
    }
  })

  test('a thousand over an hour cause at most one fetch per cool-down', async () => {
    const issuer = await createIssuer()
    const { keys, clock } = keysWith()
    for (let i = 0; i < 1_000; i++) {
      await keys.find(providerOf(issuer.url), unknown(`unknown-${i}`))
      clock.advance(3_600)
    }
    expect(issuer.requests.jwks).toBeLessThanOrEqual(122)
    expect(issuer.requests.jwks).toBeGreaterThan(100)
  })

  test('says that the issuer was asked a moment ago, and when to come again', async () => {
    const issuer = await createIssuer()
    const { keys, clock } = keysWith()
    const provider = providerOf(issuer.url)
    expect(await keys.find(provider, unknown())).toMatchObject(noKey)
    expect(await keys.find(provider, unknown())).toMatchObject(noKey)
    clock.advance(10 * SECOND)
    expect(await keys.find(provider, unknown())).toEqual(unavailable('asked_a_moment_ago', 20))
    clock.advance(20 * SECOND)
    expect(await keys.find(provider, unknown())).toMatchObject(noKey)
  })

  test('rotation: the new key is taken at its first token, and the old one as long as it is published', async () => {
    const issuer = await createIssuer()
    const { keys, clock } = keysWith()
    const provider = providerOf(issuer.url)
    for (let i = 0; i < 5; i++) {
      await keys.find(provider, hintOf(issuer))
      clock.advance(31 * SECOND)
      await issuer.rotate()
      expect(await keys.find(provider, hintOf(issuer))).toMatchObject({ ok: true })
      expect(await keys.find(provider, hintOf(issuer, 0))).toMatchObject({ ok: true })
    }
    expect(issuer.requests).toEqual({ discovery: 1, jwks: 6 })
  })

  test('rotation while a fetch is underway: its answer may be older than the key, so another is made', async () => {
    const issuer = await createIssuer()
    const outbound = createOutbound({ allow: ['127.0.0.1'] })
    const landings: (() => void)[] = []
    const slow: Pick<Outbound, 'getJson'> = {
      async getJson(url, limits) {
        const fetched = await outbound.getJson(url, limits)
        await new Promise<void>((resolve) => landings.push(resolve))
        return fetched
      },
    }
    const landing = async () => {
      await expect.poll(() => landings.length).toBe(1)
      landings.pop()?.()
    }
    const keys = createIssuerKeys({ outbound: slow, clock: createTestClock() })
    const provider = providerOf('https://cluster.example', { keys: { by: 'jwks_uri', uri: issuer.jwksUri } })
    const first = keys.find(provider, hintOf(issuer))
    await expect.poll(() => landings.length).toBe(1)
    await issuer.rotate()
    const second = keys.find(provider, hintOf(issuer))
    await landing()
    expect(await first).toMatchObject({ ok: true })
    await landing()
    expect(await second).toMatchObject({ ok: true })
    expect(issuer.requests.jwks).toBe(2)
  })

  test('rotation right after a stray kid is taken at once, amid a flood after one cool-down', async () => {
    const issuer = await createIssuer()
    const { keys, clock } = keysWith()
    const provider = providerOf(issuer.url)
    await keys.find(provider, hintOf(issuer))
    clock.advance(MINUTE)
    await keys.find(provider, unknown())
    await issuer.rotate()
    expect(await keys.find(provider, hintOf(issuer))).toMatchObject({ ok: true })

    const flood = async () => {
      for (let i = 0; i < 40; i++) await keys.find(provider, unknown(`flood-${i}`))
    }
    await flood()
    await issuer.rotate()
    const refused = await keys.find(provider, hintOf(issuer))
    expect(refused).toMatchObject({ failed: { check: 'keys_unavailable' } })
    clock.advance((refused as { retryAfter: number }).retryAfter * SECOND)
    await flood()
    expect(await keys.find(provider, hintOf(issuer))).toMatchObject({ ok: true })
  })
})

describe('an issuer that fails', () => {
  test.each<[Misbehaviour, string]>([
    ['hang', 'timed_out'],
    ['stream', 'too_large'],
    ['huge', 'too_large'],
    ['redirect', 'redirected'],
    ['html', 'bad_type'],
    ['error', 'bad_status'],
    ['garbage', 'malformed'],
    ['hang up', 'unreachable'],
  ])('%s: costs one bounded request for all that wait, and never the other issuers', async (kind, reason) => {
    const [bad, good] = [await createIssuer(), await createIssuer()]
    const { keys } = keysWith({ timeout: kind === 'hang' ? 300 : 10_000 })
    bad.misbehave(kind, 'jwks')
    const waiting = Array.from({ length: 20 }, () => keys.find(providerOf(bad.url), hintOf(bad)))
    expect(await keys.find(providerOf(good.url), hintOf(good))).toMatchObject({ ok: true })
    for (const each of await Promise.all(waiting)) expect(each).toEqual(unavailable(`jwks_${reason}`, 30))
    for (let i = 0; i < 20; i++) await keys.find(providerOf(bad.url), hintOf(bad))
    expect(bad.requests).toEqual({ discovery: 1, jwks: 1 })
  })

  test('rests for longer each time, up to five minutes, and is forgiven', async () => {
    const issuer = await createIssuer()
    issuer.misbehave('error')
    const { keys, clock } = keysWith()
    const provider = providerOf(issuer.url)
    for (const rest of [30, 60, 120, 240, 300, 300]) {
      expect(await keys.find(provider, hintOf(issuer))).toEqual(unavailable('discovery_bad_status', rest))
      clock.advance(rest * SECOND - 1)
      expect(await keys.find(provider, hintOf(issuer))).toEqual(unavailable('discovery_bad_status', 1))
      clock.advance(1)
    }
    expect(issuer.requests.discovery).toBe(6)
    issuer.misbehave(undefined)
    expect(await keys.find(provider, hintOf(issuer))).toMatchObject({ ok: true })
  })

  test('a known kid is served from the old copy for a day, an unknown one is told to come again', async () => {
    const issuer = await createIssuer()
    const { keys, clock } = keysWith()
    const provider = providerOf(issuer.url)
    await keys.find(provider, hintOf(issuer))
    issuer.misbehave('error')
    clock.advance(23 * HOUR)
    expect(await keys.find(provider, hintOf(issuer))).toMatchObject({ ok: true })
    expect(await keys.find(provider, unknown())).toEqual(unavailable('jwks_bad_status', 30))
    expect(issuer.requests.jwks).toBe(2)
    clock.advance(HOUR)
    expect(await keys.find(provider, hintOf(issuer))).toMatchObject({ failed: { check: 'keys_unavailable' } })
    issuer.misbehave(undefined)
    clock.advance(5 * MINUTE)
    expect(await keys.find(provider, hintOf(issuer))).toMatchObject({ ok: true })
  })

  test('a tenant whose issuers all hang has only so many flights, and keeps nobody waiting', async () => {
    const issuers = await Promise.all(Array.from({ length: 12 }, () => createIssuer({ alg: 'ES256' })))
    for (const issuer of issuers) issuer.misbehave('hang')
    const { keys } = keysWith({ timeout: 1_000 })
    const waiting = issuers.map(({ url }) => keys.find(providerOf(url), unknown()))
    const good = await createIssuer()
    const other = providerOf(good.url, { tenantId: 'tenant_2' })
    expect(await keys.find(other, hintOf(good))).toMatchObject({ ok: true })
    expect(await keys.find(providerOf(good.url), hintOf(good))).toMatchObject({ ok: true })
    await Promise.all(waiting)
    expect(issuers.filter(({ requests }) => requests.discovery > 0)).toHaveLength(8)
  })
})

describe('a key set', () => {
  let rsa: JWK
  let weak: JWK
  let another: JWK
  let privateHalf: JWK
  let p256: JWK

  beforeAll(async () => {
    const make = async (alg: string, bits?: number) => {
      const pair = await generateKeyPair(alg, { extractable: true, ...(bits && { modulusLength: bits }) })
      return { publicKey: await exportJWK(pair.publicKey), privateKey: await exportJWK(pair.privateKey) }
    }
    const made = await make('RS256')
    rsa = made.publicKey
    privateHalf = made.privateKey
    another = (await make('RS256')).publicKey
    p256 = (await make('ES256')).publicKey
    const small = await crypto.subtle.generateKey(
      { name: 'RSASSA-PKCS1-v1_5', modulusLength: 1024, publicExponent: new Uint8Array([1, 0, 1]), hash: 'SHA-256' },
      true,
      ['sign', 'verify'],
    )
    weak = (await crypto.subtle.exportKey('jwk', small.publicKey)) as JWK
    delete weak.key_ops
    delete weak.alg
    delete weak.ext
  })

  const find = (
    keys: unknown[],
    hint = { alg: 'RS256', kid: 'a' as string | undefined },
    more: Partial<WorkloadProvider> = {},
  ) =>
    keysWith().keys.find(
      providerOf('https://cluster.example', { keys: { by: 'uploaded', jwks: { keys: keys as JWK[] } }, ...more }),
      hint,
    )

  test('finds by kid, with or without alg and use', async () => {
    expect(
      await find([
        { ...another, kid: 'b' },
        { ...rsa, kid: 'a' },
      ]),
    ).toMatchObject({ ok: true })
    expect(await find([{ ...rsa, kid: 'a', alg: 'RS256', use: 'sig', key_ops: ['verify'] }])).toMatchObject({
      ok: true,
    })
  })

  test.each<[string, () => unknown[]]>([
    ['another kid', () => [{ ...rsa, kid: 'A' }]],
    ['no kid', () => [rsa]],
    ['RFC 7517 §4.2: a key for encryption', () => [{ ...rsa, kid: 'a', use: 'enc' }]],
    ['RFC 7517 §4.3: a key that may not verify', () => [{ ...rsa, kid: 'a', key_ops: ['sign'] }]],
    ['RFC 7517 §4.4: a key for another algorithm', () => [{ ...rsa, kid: 'a', alg: 'RS512' }]],
    ['RFC 7518 §3.3: an RSA key of 1024 bits', () => [{ ...weak, kid: 'a' }]],
    [
      'an RSA key that is padded with zeros',
      () => [{ ...rsa, kid: 'a', n: Buffer.alloc(256, 1).fill(0, 0, 129).toString('base64url') }],
    ],
    ['an RSA key of 16384 bits', () => [{ ...rsa, kid: 'a', n: Buffer.alloc(2048, 0xff).toString('base64url') }]],
    ['a key of another type', () => [{ ...p256, kid: 'a' }]],
    ['a symmetric key', () => [{ kty: 'oct', k: 'c2VjcmV0', kid: 'a' }]],
    ['a key that is published with its private half', () => [{ ...privateHalf, kid: 'a' }]],
    [
      'RFC 7517 §4.5: two keys of one kid',
      () => [
        { ...rsa, kid: 'a' },
        { ...another, kid: 'a' },
      ],
    ],
    ['nonsense', () => [null, 5, 'a', [], { kty: 'RSA' }, { kid: 'a' }]],
    ['a key of SPIFFE', () => [{ ...rsa, kid: 'a', use: 'jwt-svid' }]],
    ['more than a hundred keys', () => Array.from({ length: 101 }, () => ({ ...rsa, kid: 'a' }))],
  ])('takes no key from: %s', async (_, keys) => {
    expect(await find(keys())).toMatchObject(noKey)
  })

  test('RFC 7517 §4.5: a kid that an EC key has too, or the same key twice, is none the worse', async () => {
    expect(
      await find([
        { ...p256, kid: 'a' },
        { ...rsa, kid: 'a' },
      ]),
    ).toMatchObject({ ok: true })
    expect(
      await find([
        { ...rsa, kid: 'a' },
        { ...rsa, kid: 'a', use: 'sig' },
      ]),
    ).toMatchObject({ ok: true })
  })

  test('a point of no curve is no key', async () => {
    const broken = { ...p256, kid: 'a', y: p256.x }
    expect(await find([broken], { alg: 'ES256', kid: 'a' })).toMatchObject(noKey)
  })

  test('SPIFFE JWT-SVID §4: jwt-svid keys, and without kid the only one that suits', async () => {
    const spiffe = { platform: 'spiffe' } as const
    const [one, two] = [
      { ...p256, kid: 'a', use: 'jwt-svid' },
      { ...rsa, kid: 'b', use: 'x509-svid' },
    ]
    expect(await find([one, two], { alg: 'ES256', kid: 'a' }, spiffe)).toMatchObject({ ok: true })
    expect(await find([one, two], { alg: 'ES256', kid: undefined }, spiffe)).toMatchObject({ ok: true })
    expect(await find([one, two], { alg: 'RS256', kid: 'b' }, spiffe)).toMatchObject(noKey)
    const several = [
      { ...rsa, kid: 'a' },
      { ...another, kid: 'b' },
    ]
    expect(await find(several, { alg: 'RS256', kid: undefined }, spiffe)).toMatchObject(noKey)
  })

  test.each([[{ keys: 'x' }], [[]], ['x'], [{}], [{ keys: Array(101).fill({}) }]])(
    'that is none (%#), and what was good before stays',
    async (jwks) => {
      const issuer = await createIssuer()
      const { keys, clock } = keysWith()
      await keys.find(providerOf(issuer.url), hintOf(issuer))
      issuer.publish.jwks = jwks
      clock.advance(HOUR)
      expect(await keys.find(providerOf(issuer.url), hintOf(issuer))).toMatchObject({ ok: true })
      expect(await keys.find(providerOf(issuer.url), unknown())).toMatchObject({ failed: { got: 'jwks_invalid' } })
    },
  )
})
