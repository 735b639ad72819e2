import { base64url, type CryptoKey, exportSPKI, importJWK, type JWK, SignJWT } from 'jose'
import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { describeDeployment } from '../deployments.ts'
import { equals } from '../oauth/workloads.ts'
import { type Caller, startDeployment, type TestDeployment } from '../start.ts'
import { createIssuer, type TestIssuer } from '../workload-identity/issuer.ts'
import { SUB, type Trust, trust } from './exchange-trust.ts'

const OTHER = 'https://other.example'
const GITHUB = 'https://token.actions.githubusercontent.com'
const segment = (value: unknown): string => base64url.encode(JSON.stringify(value))

describeDeployment('cluster', "a platform's token that was not made for this", (open) => {
  let deployment: TestDeployment
  let live: Caller
  let platform: TestIssuer
  let trusted: Trust

  beforeAll(async () => {
    deployment = await startDeployment(open, { outboundAllow: ['127.0.0.1'] })
    live = deployment.nodes[0].at('live')
  })
  /** Each time another, so that whatever is fetched is counted. */
  beforeEach(async () => {
    platform = await createIssuer({ aud: live.issuer, clock: deployment.clock })
    trusted = await trust(deployment, { issuer: platform.url })
  })
  const now = () => Math.floor(deployment.clock.now() / 1000)
  const sign = (claims: object = {}, header: object = {}) => platform.sign({ sub: SUB, ...claims }, { ...header })

  describe.each<[string, object, (issuer: string) => string]>([
    ['where the provider names no audience', {}, (issuer) => issuer],
    ['where it names some', { audiences: ['api://ours', 'api://ours-too'] }, () => 'api://ours'],
  ])('%s', (_, more, ours) => {
    test.each<[string, (ours: string) => unknown]>([
      ['missing', () => undefined],
      ['null', () => null],
      ['an empty string', () => ''],
      ['an empty list', () => []],
      ['another', () => OTHER],
      ['a list of another', () => [OTHER]],
      ['ours among others', (ours) => [OTHER, ours, 'sts.amazonaws.com']],
      ['ours, then another', (ours) => [ours, OTHER]],
      ['a list in a list', (ours) => [[ours]]],
      ['nearly ours', (ours) => `${ours}/`],
      ['a pattern', () => '*'],
    ])('an audience that is %s [attack 44]', async (_, audience) => {
      const strict = await trust(deployment, { issuer: platform.url, more })
      await strict.expectRefused(await sign({ aud: audience(ours(live.issuer)) }), 'audience')
      await strict.expectTaken(await sign({ aud: ours(live.issuer) }))
    })
  })

  test.each<[string, string, () => object]>([
    ['no exp', 'missing_claim', () => ({ exp: undefined })],
    ['exp in text', 'missing_claim', () => ({ exp: `${now() + 300}` })],
    ['no iat', 'missing_claim', () => ({ iat: undefined })],
    ['neither', 'missing_claim', () => ({ exp: undefined, iat: undefined })],
    ['exp years away', 'lifetime', () => ({ exp: now() + 10 * 365 * 86_400 })],
    ['exp beyond all dates', 'lifetime', () => ({ exp: 1e300 })],
    ['iat beyond the leeway', 'not_yet_valid', () => ({ iat: now() + 60, exp: now() + 300 })],
    ['nbf later', 'not_yet_valid', () => ({ nbf: now() + 60 })],
    ['exp past the leeway', 'expired', () => ({ iat: now() - 300, exp: now() - 60 })],
  ])('times: %s [attack 45]', async (_, why, claims) => {
    await trusted.expectRefused(await sign(claims()), why)
    await trusted.expectTaken(await sign())
  })

  test('another algorithm: none, HMAC by the public key, no alg; nothing is fetched [attack 46]', async () => {
    const [, body = '', signature = ''] = (await sign()).split('.')
    const { kid = '', ...jwk } = platform.jwks.keys[0] as JWK
    const pem = await exportSPKI((await importJWK({ ...jwk, ext: true }, 'RS256')) as CryptoKey)
    const claims = JSON.parse(new TextDecoder().decode(base64url.decode(body)))
    const byPublicKey = (secret: Uint8Array) =>
      new SignJWT(claims).setProtectedHeader({ alg: 'HS256', kid }).sign(secret)
    const forged = [
      `${segment({ alg: 'none', kid })}.${body}.`,
      `${segment({ alg: 'nOnE', kid })}.${body}.`,
      `${segment({ kid })}.${body}.${signature}`,
      `${segment({ alg: 'HS256', kid })}.${body}.${signature}`,
      await byPublicKey(new TextEncoder().encode(pem)),
      await byPublicKey(base64url.decode(jwk.n as string)),
    ]
    for (const token of forged) await trusted.expectRefused(token, 'algorithm')
    expect(platform.requests).toEqual({ discovery: 0, jwks: 0 })
  })

  test('a key that the token brings or names: jku, x5u, x5c, jwk; nothing of it is fetched [attack 46]', async () => {
    const evil = await createIssuer({ aud: live.issuer, clock: deployment.clock })
    const claims = { iss: platform.url, sub: SUB }
    const lures = { jku: evil.jwksUri, x5u: `${evil.url}/x5u`, x5c: ['MIIB'], jwk: evil.jwks.keys[0] }
    const { kid } = platform.jwks.keys[0] as JWK
    for (const [name, value] of Object.entries(lures)) {
      await trusted.expectRefused(await evil.sign(claims, { kid, [name]: value }), 'signature')
    }
    await trusted.expectRefused(await evil.sign(claims, lures), 'key')
    expect(evil.requests).toEqual({ discovery: 0, jwks: 0 })
    await trusted.expectTaken(await sign({}, lures))
  })

  test('a kid that is a path, a query, an address, a list or nothing: nothing is fetched [attack 46]', async () => {
    const [, body, signature] = (await sign()).split('.')
    const kids = ['../../../dev/null', '/etc/passwd', "x' UNION SELECT 'key' --", 'a\u0000b', '', ['a'], { $ne: '' }]
    for (const kid of [...kids, undefined, 'x'.repeat(10_000)]) {
      await trusted.expectRefused(`${segment({ alg: 'RS256', kid })}.${body}.${signature}`, 'key')
    }
    expect(platform.requests).toEqual({ discovery: 0, jwks: 0 })
    await trusted.expectTaken(await sign())
  })

  test('an issuer that is spelled in another way; nobody is asked for keys [attack 47]', async () => {
    const { url } = platform
    const host = new URL(url).host
    const spelled = [
      ...[`${url}/`, `${url}//`, `${url}/.`, `${url}?`, `${url}#`, url.toUpperCase(), url.replace('http', 'https')],
      ...[`${url}.evil.example`, `http://evil.example@${host}`, `http://${host}@evil.example`, `${url}\u0000`],
      ...[` ${url}`, ''],
    ]
    for (const iss of spelled) await trusted.expectRefused(await sign({ iss }), 'issuer')
    for (const iss of [[url], { 0: url }, null, undefined, 5]) {
      await trusted.expectRefused(await sign({ iss }), 'malformed')
    }
    expect(platform.requests).toEqual({ discovery: 0, jwks: 0 })
  })

  test("an issuer that looks like GitHub's, or has a server of its own; nobody is asked for keys [attack 47]", async () => {
    const conditions = [equals('repository_id', '74')]
    const more = { jwks_uri: platform.jwksUri }
    const github = await trust(deployment, { platform: 'github-actions', issuer: GITHUB, conditions, more })
    const evil = await createIssuer({ aud: live.issuer, clock: deployment.clock })
    const lookalikes = [
      ...[`${GITHUB}/`, `${GITHUB}.evil.tld`, `${GITHUB}@evil.tld`, `${GITHUB}:443`, `${GITHUB}\\@evil.tld`],
      ...[GITHUB.toUpperCase(), GITHUB.replace('token', 'TOKEN'), GITHUB.replace('https', 'http')],
      // A Cyrillic letter, the same host in Punycode, and a full stop of another script.
      ...[GITHUB.replace('o', 'о'), 'https://xn--tken-55d.actions.githubusercontent.com', GITHUB.replace('.', '。')],
      evil.url,
    ]
    for (const iss of lookalikes) {
      await github.expectRefused(await evil.sign({ iss, sub: SUB, repository_id: '74' }), 'issuer')
    }
    expect([evil.requests, platform.requests]).toEqual(Array(2).fill({ discovery: 0, jwks: 0 }))
    await github.expectTaken(await platform.sign({ iss: GITHUB, repository_id: '74', event_name: 'push' }))
  })
})
