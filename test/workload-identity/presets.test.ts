import { describe, expect, test } from 'vitest'
import { type Condition, PLATFORMS, type Platform } from '../../server/workload-identity/model.ts'
import {
  formOf,
  formOfIssuer,
  limitsOf,
  platformOfHost,
  presetOf,
} from '../../server/workload-identity/presets/index.ts'
import { adviceOn, wrongConditions } from '../../server/workload-identity/wrong-conditions.ts'

const GUID = '11111111-2222-3333-4444-555555555555'
const ACCOUNT = '/https:~1~1sts.amazonaws.com~1/aws_account'

const ISSUERS: Record<Platform, readonly string[]> = {
  'github-actions': [
    'https://token.actions.githubusercontent.com',
    'https://token.actions.githubusercontent.com/octo-corp',
    'https://token.actions.octo.ghe.com',
    'https://github.example.com/_services/token',
  ],
  gitlab: ['https://gitlab.com', 'https://gitlab.example.com', 'https://example.com/gitlab'],
  gcp: ['https://accounts.google.com'],
  aws: [
    `https://${GUID}.tokens.sts.global.api.aws`,
    'https://sts.amazonaws.com',
    'https://oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLED539D4633E53DE1B71EXAMPLE'.replace(/EXAMPLE/g, 'E0A0'),
  ],
  azure: [
    `https://sts.windows.net/${GUID}/`,
    `https://login.microsoftonline.com/${GUID}/v2.0`,
    `https://westeurope.oic.prod-aks.azure.com/${GUID}/${GUID}/`,
  ],
  vercel: ['https://oidc.vercel.com', 'https://oidc.vercel.com/acme'],
  kubernetes: ['https://cluster.example.com', 'https://kubernetes.default.svc.cluster.local'],
  circleci: [`https://oidc.circleci.com/org/${GUID}`, 'https://oidc.circleci.com'],
  buildkite: ['https://agent.buildkite.com'],
  spiffe: ['https://spire.example.com'],
  oidc: ['https://issuer.example.com', 'https://app.terraform.io'],
}

describe.each(PLATFORMS)('%s', (platform) => {
  const preset = presetOf(platform)

  test.each(ISSUERS[platform])('has the issuer %s', (issuer) => {
    expect(formOfIssuer(preset, issuer)?.words).toMatch(/./)
  })

  test('asymmetric algorithms only, and bounds on life and age', () => {
    expect(preset.algorithms.length).toBeGreaterThan(0)
    for (const alg of preset.algorithms) expect(alg).toMatch(/^(?:(?:RS|PS|ES)(?:256|384|512)|EdDSA|Ed25519)$/)
    expect(preset.maxLifetime).toBeGreaterThan(0)
    expect(preset.maxAge).toBeGreaterThan(0)
  })

  test('each claim once, with words; an identifier where the platform has one', () => {
    const names = preset.claims.map(({ claim }) => claim)
    expect(new Set(names).size).toBe(names.length)
    for (const { words } of preset.claims) expect(words).toMatch(/\.$/)
    if (platform !== 'spiffe') expect(preset.claims.some(({ trust }) => trust === 'id')).toBe(true)
  })

  test('its default issuer is one of its own', () => {
    if (preset.defaultIssuer) expect(formOfIssuer(preset, preset.defaultIssuer)).toBeDefined()
  })

  test.each(preset.issuers.filter(({ shared }) => shared))('$form is shared, so the owner must be pinned', (form) => {
    expect(form.pins.length).toBeGreaterThan(0)
  })
})

test.each<[Platform, string]>([
  ['github-actions', 'https://token.actions.githubusercontent.com/'],
  ['github-actions', 'https://token.actions.githubusercontent.com/a/b'],
  ['github-actions', 'https://token.actions.githubusercontent.com.evil.example'],
  ['github-actions', 'https://evil.example/token.actions.githubusercontent.com'],
  ['gcp', 'https://accounts.google.com/'],
  ['aws', 'https://evil.tokens.sts.global.api.aws'],
  ['aws', `https://evil.example/${GUID}.tokens.sts.global.api.aws`],
  ['azure', `https://sts.windows.net/${GUID}`],
  ['azure', 'https://login.microsoftonline.com/common/v2.0'],
  ['azure', `https://login.microsoftonline.com/${GUID}/v2.0/`],
  ['vercel', 'https://oidc.vercel.com/a/b'],
  ['circleci', 'https://oidc.circleci.com/org/acme'],
])('%s has no issuer %s', (platform, issuer) => expect(formOfIssuer(presetOf(platform), issuer)).toBeUndefined())

test.each<[string, Platform | undefined]>([
  ['token.actions.githubusercontent.com', 'github-actions'],
  ['token.actions.octo.ghe.com', 'github-actions'],
  ['gitlab.com', 'gitlab'],
  ['accounts.google.com', 'gcp'],
  [`${GUID}.tokens.sts.global.api.aws`, 'aws'],
  ['sts.windows.net', 'azure'],
  ['login.microsoftonline.com', 'azure'],
  ['oidc.vercel.com', 'vercel'],
  ['oidc.circleci.com', 'circleci'],
  ['agent.buildkite.com', 'buildkite'],
  ['app.terraform.io', 'oidc'],
  ['issuer.example.com', undefined],
  ['notgitlab.com', undefined],
])('the host %s is of %s', (host, platform) => expect(platformOfHost(host)).toBe(platform))

test('where a job has one token only, that may be used again for as long as the job runs', () => {
  const limits = { singleUse: false, maxLifetime: 86_400 }
  expect(limitsOf({ platform: 'oidc', issuer: 'https://app.terraform.io' })).toMatchObject(limits)
  expect(limitsOf({ platform: 'oidc', issuer: 'https://issuer.example' }).singleUse).toBe(true)
})

test('a cluster of EKS has limits of its own, whichever its platform', () => {
  const [account = '', , eks = ''] = ISSUERS.aws
  expect(limitsOf({ platform: 'aws', issuer: account })).toMatchObject({ singleUse: true, maxLifetime: 3_600 })
  expect(limitsOf({ platform: 'aws', issuer: eks })).toMatchObject({ singleUse: false, maxLifetime: 86_400 })
})

test("Azure's version 1 is discovered where Microsoft publishes it", () => {
  const { discoveryUrl } = presetOf('azure')
  expect(discoveryUrl?.(`https://sts.windows.net/${GUID}/`)).toBe(
    `https://login.microsoftonline.com/${GUID}/.well-known/openid-configuration`,
  )
  expect(discoveryUrl?.(`https://login.microsoftonline.com/${GUID}/v2.0`)).toBeUndefined()
})

test("an issuer that is none of the platform's, on the operator's own address, is treated as its foremost", () => {
  const { shared } = formOf({ platform: 'github-actions', issuer: 'http://localhost:9000' })
  expect(shared).toBe(true)
  expect(formOf({ platform: 'oidc', issuer: 'http://localhost:9000' }).shared).toBe(false)
})

const equals = (claim: string, value: string | number | boolean = 'x'): Condition => ({ claim, op: 'equals', value })
const prefix = (claim: string, value: string): Condition => ({ claim, op: 'prefix', value })
const glob = (claim: string, value: string): Condition => ({ claim, op: 'glob', value })
const issuerOf = (platform: Platform, at = 0) => ({ platform, issuer: ISSUERS[platform][at] as string })

describe('what pins an owner', () => {
  const GOOD: readonly [ReturnType<typeof issuerOf>, readonly Condition[]][] = [
    [issuerOf('github-actions'), [equals('repository_id', '74')]],
    [issuerOf('github-actions'), [{ claim: 'repository_id', op: 'one_of', value: ['74', '75'] }]],
    [issuerOf('github-actions'), [equals('repository_owner_id', '65')]],
    [issuerOf('github-actions'), [equals('sub', 'repo:octo@65/shop@74:ref:refs/heads/main')]],
    [issuerOf('github-actions'), [prefix('sub', 'repo:octo@65/')]],
    [issuerOf('github-actions'), [glob('sub', 'repo:octo@65/*:ref:refs/heads/main')]],
    [issuerOf('gitlab'), [equals('project_id', '20')]],
    [issuerOf('gitlab'), [equals('namespace_id', '72')]],
    [issuerOf('gcp'), [equals('sub', '104857600000000000000')]],
    [issuerOf('aws'), [equals('sub', 'arn:aws:iam::123456789012:role/Deploy')]],
    [issuerOf('aws', 1), [equals(ACCOUNT, '123456789012')]],
    [issuerOf('aws', 2), [equals('sub', 'system:serviceaccount:shop:api')]],
    [issuerOf('azure'), [equals('oid', GUID)]],
    [issuerOf('azure', 2), [equals('sub', 'system:serviceaccount:shop:api')]],
    [issuerOf('vercel'), [equals('project_id', 'prj_1'), equals('environment', 'production')]],
    [issuerOf('kubernetes'), [prefix('sub', 'system:serviceaccount:shop:')]],
    [issuerOf('circleci', 1), [equals('oidc.circleci.com/org-id', GUID)]],
    [issuerOf('buildkite'), [equals('organization_slug', 'acme')]],
    [issuerOf('spiffe'), [equals('sub', 'spiffe://prod.example/ns/a')]],
    [issuerOf('spiffe'), [prefix('sub', 'spiffe://prod.example/ns/')]],
    [issuerOf('oidc'), [equals('sub', 'anything')]],
    [issuerOf('oidc'), [equals('team', 'blue')]],
    [issuerOf('oidc', 1), [equals('terraform_organization_id', 'org-1')]],
  ]
  test.each(GOOD)('%j %j', (provider, conditions) => expect(wrongConditions(provider, conditions)).toEqual([]))

  const BAD: readonly [ReturnType<typeof issuerOf>, readonly Condition[]][] = [
    [issuerOf('github-actions'), [equals('ref', 'refs/heads/main')]],
    [issuerOf('oidc'), [equals('iss', 'https://login.example.com')]],
    [issuerOf('oidc'), [equals('/iss', 'https://login.example.com'), equals('/aud', 'x')]],
    [issuerOf('github-actions'), [equals('repository', 'octo/shop'), equals('repository_owner', 'octo')]],
    [issuerOf('github-actions'), [equals('sub', 'repo:octo/shop:ref:refs/heads/main')]],
    [issuerOf('github-actions'), [glob('sub', 'repo:*/shop:ref:refs/heads/main')]],
    [issuerOf('github-actions'), [glob('sub', 'repo:octo@*/shop@74:ref:refs/heads/main')]],
    [issuerOf('github-actions'), [prefix('sub', 'repo:')]],
    [issuerOf('github-actions'), [equals('actor', 'octocat'), equals('head_ref', 'main')]],
    [issuerOf('github-actions', 1), [equals('environment', 'production')]],
    [
      issuerOf('github-actions'),
      [{ claim: 'sub', op: 'one_of', value: ['repo:octo@65/shop@74:environment:a', 'repo:octo/shop:environment:a'] }],
    ],
    [issuerOf('gitlab'), [equals('project_path', 'acme/shop')]],
    [issuerOf('gitlab'), [equals('job_project_id', '20')]],
    [issuerOf('gcp'), [equals('email', 'a@b.iam.gserviceaccount.com')]],
    [issuerOf('gcp'), [equals('sub', 'a@b.iam.gserviceaccount.com')]],
    [issuerOf('gcp'), [equals('aud', 'https://as.example')]],
    [issuerOf('aws'), [equals('/https:~1~1sts.amazonaws.com~1/request_tags/job', 'x')]],
    [issuerOf('aws', 1), [prefix('sub', 'arn:')]],
    [issuerOf('azure'), [equals('tid', GUID)]],
    [issuerOf('vercel'), [equals('owner', 'acme'), equals('project', 'web')]],
    [issuerOf('vercel', 1), [equals('environment', 'production')]],
    [issuerOf('kubernetes'), [equals('/kubernetes.io/pod/name', 'api')]],
    [issuerOf('circleci'), [equals('oidc.circleci.com/vcs-ref', 'refs/heads/main')]],
    [issuerOf('buildkite'), [equals('build_branch', 'main')]],
    [issuerOf('spiffe'), [prefix('sub', 'spiffe://')]],
    [issuerOf('spiffe'), [glob('sub', 'spiffe://prod.example*/x')]],
    [issuerOf('oidc'), [equals('iss', 'https://issuer.example.com'), equals('aud', 'x')]],
    [issuerOf('oidc', 1), [equals('sub', 'x')]],
  ]
  test.each(BAD)('and what does not: %j %j', (provider, conditions) => {
    const wrong = wrongConditions(provider, conditions)
    expect(wrong.map(({ pointer }) => pointer)).toContain('/conditions')
    for (const { detail } of wrong) expect(detail).toMatch(/^must pin ./)
  })
})

describe('what is no condition', () => {
  const github = issuerOf('github-actions')
  const pinned = equals('repository_id', '74')
  test.each<[string, Condition, string]>([
    ['a prefix of an id', prefix('repository_id', '7:'), '/conditions/1/op'],
    ['a glob on an id', glob('repository_owner_id', '6*'), '/conditions/1/op'],
    ['a glob on an id that the preset does not know', glob('some_id', '6*'), '/conditions/1/op'],
    ['a prefix that ends inside a name', prefix('ref', 'refs/heads/main'), '/conditions/1/value'],
    ['a wrong pointer', equals('/a~2b'), '/conditions/1/claim'],
    ['what is always denied', equals('event_name', 'pull_request_target'), '/conditions/1/value'],
  ])('%s', (_, condition, pointer) => {
    expect(wrongConditions(github, [pinned, condition])).toEqual([{ pointer, detail: expect.stringMatching(/./) }])
  })

  test.each([
    equals('event_name', 'pull_request'),
    { claim: 'event_name', op: 'one_of', value: ['push', 'pull_request_target'] } as const,
    prefix('ref', 'refs/heads/'),
    glob('ref', 'refs/heads/release-*'),
  ])('%j is one', (condition) => expect(wrongConditions(github, [pinned, condition])).toEqual([]))
})

describe('advice', () => {
  test('on what is pinned loosely', () => {
    expect(adviceOn(issuerOf('github-actions'), [equals('repository_owner_id', '65')])).toHaveLength(2)
    expect(
      adviceOn(issuerOf('github-actions'), [equals('repository_id', '74'), equals('ref', 'refs/heads/main')]),
    ).toEqual([])
    expect(adviceOn(issuerOf('github-actions'), [equals('sub', 'repo:o@65/r@74:environment:prod')])).toEqual([])
  })

  test('on what the workload says itself', () => {
    const conditions = [equals('repository_id', '74'), equals('ref', 'r'), equals('head_ref', 'main')]
    expect(adviceOn(issuerOf('github-actions'), conditions)).toEqual([
      expect.stringMatching(/^head_ref proves nothing/),
    ])
  })
})
