import { exactly, type IssuerForm, type PinnedClaim, type Preset, shaped } from './preset.ts'

/** Issuers that many share and no preset is for. They are not anybody's to call their own. */
const shared = (host: string, words: string, ...anyOf: (readonly PinnedClaim[])[]): IssuerForm => ({
  form: `https://${host}`,
  pattern: new RegExp(`^https://${host.replaceAll('.', '\\.')}(?:/|$)`),
  shared: true,
  words,
  pins: [
    {
      anyOf,
      words: `whose workload: ${anyOf.map((way) => way.map(({ claim }) => claim).join(' and ')).join(', or ')}`,
    },
  ],
  advised: [],
})

const TERRAFORM = [
  exactly('terraform_organization_id'),
  exactly('terraform_workspace_id'),
  shaped('sub', /^organization:[^:*]+:/),
] as const

/** A job has one token for as long as it runs, and can't get another. */
const OF_A_JOB = { singleUse: false, maxLifetime: 86_400, maxAge: 86_400 } as const

export const oidc: Preset = {
  platform: 'oidc',
  title: 'OpenID Connect',
  summary: 'Any issuer that publishes its keys, or whose keys you upload.',
  issuers: [
    { ...shared('app.terraform.io', 'HCP Terraform: one issuer for everybody', ...TERRAFORM), limits: OF_A_JOB },
    { ...shared('app.eu.terraform.io', 'HCP Terraform in Europe: the same', ...TERRAFORM), limits: OF_A_JOB },
    shared('oidc.fly.io', 'Fly.io, by organization', exactly('org_id'), exactly('app_id')),
    {
      ...shared('api.bitbucket.org', 'Bitbucket, by workspace', exactly('workspaceUuid'), exactly('repositoryUuid')),
      limits: OF_A_JOB,
    },
    shared('oidc.codefresh.io', 'Codefresh: one issuer for everybody', shaped('sub', /^account:[^:*]+:/)),
    {
      form: 'https://<issuer>',
      pattern: /^https:\/\//,
      shared: false,
      words: 'An issuer of your own',
      pins: [],
      advised: [{ anyOf: [shaped('sub', /./)], words: 'without sub, several workloads may be one' }],
    },
  ],
  hosts: /^(?:app\.(?:eu\.)?terraform|oidc\.fly|oidc\.codefresh)\.io$|^api\.bitbucket\.org$/,
  algorithms: ['RS256', 'ES256', 'ES384', 'PS256', 'EdDSA', 'Ed25519'],
  maxLifetime: 3_600,
  maxAge: 3_600,
  singleUse: true,
  capToSubjectExp: true,
  claims: [
    {
      claim: 'sub',
      trust: 'steady',
      words: 'Who the issuer says it is (RFC 7519 §4.1.2): unique and never given again.',
    },
    { claim: 'terraform_organization_id', trust: 'id', words: 'HCP Terraform: the organization.' },
    { claim: 'terraform_workspace_id', trust: 'id', words: 'HCP Terraform: the workspace.' },
    {
      claim: 'terraform_run_phase',
      trust: 'steady',
      words: 'HCP Terraform: plan, which pull requests start, or apply.',
    },
    { claim: 'org_id', trust: 'id', words: 'Fly.io: the organization.' },
    { claim: 'app_id', trust: 'id', words: 'Fly.io: the app.' },
    { claim: 'workspaceUuid', trust: 'id', words: 'Bitbucket: the workspace, in braces.' },
    { claim: 'repositoryUuid', trust: 'id', words: 'Bitbucket: the repository, in braces.' },
    { claim: 'jti', trust: 'chosen', words: 'Another for each token.' },
  ],
  denials: [],
}
