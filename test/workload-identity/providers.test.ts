import { describe, expect, test } from 'vitest'
import { allowanceOf } from '../../server/outbound/allowance.ts'
import { wrongAudience } from '../../server/workload-identity/audiences.ts'
import { isOfEveryCluster, wrongIssuer } from '../../server/workload-identity/issuer-url.ts'
import type { Platform } from '../../server/workload-identity/model.ts'

const OWN = ['https://auth.example.com', 'https://sandbox.example.com']
const wrong = (issuer: string, platform: Platform = 'oidc', allow: readonly string[] = []) =>
  wrongIssuer(issuer, platform, { allowance: allowanceOf(allow), ownIssuers: OWN })

describe('what is an issuer', () => {
  test.each([
    'https://issuer.example',
    'https://issuer.example/',
    'https://issuer.example/tenants/1',
    'https://issuer.example:8443/x',
    'https://issuer.example/a..b',
  ])('%s', (issuer) => expect(wrong(issuer)).toBeUndefined())

  test.each([
    ['no URL', 'issuer'],
    ['not https', 'http://issuer.example'],
    ['another scheme', 'ftp://issuer.example'],
    ['a user', 'https://user@issuer.example'],
    ['a query', 'https://issuer.example/?a=b'],
    ['an empty query', 'https://issuer.example/?'],
    ['a fragment', 'https://issuer.example/#a'],
    ['white space around it', ' https://issuer.example'],
    ['a line break', 'https://issuer.example\n'],
    ['a path that climbs', 'https://issuer.example/a/../b'],
    ['an encoded one', 'https://issuer.example/a/%2e%2e/b'],
    ['two slashes in its path', 'https://issuer.example//a'],
    ['a backslash', 'https://issuer.example\\a'],
    ['a host in capitals', 'https://Issuer.example'],
    ['a port that needs no saying', 'https://issuer.example:443'],
    ['letters beyond ASCII', 'https://íssuer.example'],
    ['an address', 'https://93.184.215.14'],
    ['an address in disguise', 'https://0x7f.1'],
    ['an IPv6 address', 'https://[2606:2800::1]'],
    ['256 characters', `https://issuer.example/${'a'.repeat(233)}`],
  ])('%s: refused', (_, issuer) => expect(wrong(issuer)).toMatch(/./))

  test('255 characters are fine', () => expect(wrong(`https://issuer.example/${'a'.repeat(232)}`)).toBeUndefined())
})

describe('whose issuer it is', () => {
  test.each([...OWN, `${OWN[0]}/`, `${OWN[0]}/x`])('not ours: %s', (issuer) => {
    expect(wrong(issuer)).toBe('an issuer other than this server')
    expect(wrong(issuer, 'kubernetes')).toMatch(/./)
  })

  test.each<[string, Platform]>([
    ['https://token.actions.githubusercontent.com', 'github-actions'],
    ['https://token.actions.githubusercontent.com/acme', 'github-actions'],
    ['https://gitlab.com', 'gitlab'],
    ['https://accounts.google.com', 'gcp'],
    ['https://sts.windows.net/11111111-2222-3333-4444-555555555555/', 'azure'],
    ['https://oidc.vercel.com', 'vercel'],
    ['https://oidc.circleci.com', 'circleci'],
    ['https://agent.buildkite.com', 'buildkite'],
    ['https://11111111-2222-3333-4444-555555555555.tokens.sts.global.api.aws', 'aws'],
  ])('%s is of %s, and of no platform with fewer questions', (issuer, owner) => {
    expect(wrong(issuer, owner)).toBeUndefined()
    for (const other of ['oidc', 'kubernetes', 'spiffe', 'gitlab'] as const) {
      if (other !== owner) expect(wrong(issuer, other)).toBe(`issuers of this host are of the platform ${owner}`)
    }
  })

  test('what a platform does not have: refused, saying what it has', () => {
    expect(wrong('https://issuer.example', 'github-actions')).toMatch(/https:\/\/<host>\/_services\/token/)
    expect(wrong('https://issuer.example', 'gcp')).toMatch(/https:\/\/accounts\.google\.com/)
  })

  test.each([
    'https://kubernetes.default.svc.cluster.local',
    'https://kubernetes.default.svc',
    'https://kubernetes.default',
  ])('%s is of every cluster', (issuer) => expect(isOfEveryCluster(issuer)).toBe(true))
  test('and no other', () => expect(isOfEveryCluster('https://kubernetes.default-cluster.example')).toBe(false))
})

describe('what the operator allows', () => {
  test.each<[string, readonly string[]]>([
    ['http://localhost:9000', ['localhost:9000']],
    ['http://127.0.0.1:9000', ['127.0.0.1']],
    ['http://127.0.0.1:9000', ['127.0.0.0/8']],
    ['http://issuer.internal', ['10.0.0.0/8']],
    ['https://10.1.2.3', ['10.0.0.0/8']],
    ['https://[fd00::1]', ['fd00::/8']],
  ])('%s, by %j, for any platform', (issuer, allow) => {
    expect(wrong(issuer, 'oidc', allow)).toBeUndefined()
    expect(wrong(issuer, 'github-actions', allow)).toBeUndefined()
    expect(wrong(issuer)).toMatch(/./)
  })

  test.each<[string, readonly string[]]>([
    ['http://localhost:9001', ['localhost:9000']],
    ['http://10.1.2.3', ['127.0.0.0/8']],
    ['http://user@localhost:9000', ['localhost:9000']],
    ['https://accounts.google.com', ['127.0.0.0/8']],
  ])('nothing beyond it: %s, by %j', (issuer, allow) => expect(wrong(issuer, 'oidc', allow)).toMatch(/./))
})

describe('audiences that others take as well', () => {
  test.each([
    'sts.amazonaws.com',
    'api://AzureADTokenExchange',
    'sigstore',
    'npm:registry.example',
    'https://github.com/octo-org',
    'https://kubernetes.default.svc',
    'https://kubernetes.default.svc.cluster.local',
  ])('%s', (audience) => expect(wrongAudience(audience)).toMatch(/./))

  test.each(['https://auth.example.com', 'api://11111111', 'https://vercel.com/acme', 'https://github.com/octo/shop'])(
    'not %s',
    (audience) => expect(wrongAudience(audience)).toBeUndefined(),
  )
})
