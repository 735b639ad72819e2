import type { Claims } from '../model.ts'
import { deniedValue, exactly, type IssuerForm, type Pin, type Preset, shaped } from './preset.ts'

/**
 * `sub` comes as `repo:OWNER/REPO:…` or, from repositories made, renamed or transferred after July 2026, as
 * `repo:OWNER@ID/REPO@ID:…`. A condition on it means the one form that it is written in, and never the other: the first
 * is made of names alone, which others can register again, so only the second pins an owner.
 */
const ID_CARRYING_SUB = /^repo:[^:/@*]+@\d+\//

const OWNER: Pin = {
  anyOf: [
    exactly('repository_id'),
    exactly('repository_owner_id'),
    exactly('enterprise_id'),
    shaped('sub', ID_CARRYING_SUB),
  ],
  words: 'whose repository: repository_id or repository_owner_id, the numbers, as names can be registered by others',
}

const ADVISED: readonly Pin[] = [
  {
    anyOf: [exactly('repository_id'), shaped('sub', /^repo:[^:/@*]+@\d+\/[^:/@*]+@\d+:/)],
    words: 'without repository_id, every repository of the owner may use it',
  },
  {
    anyOf: [
      ...[exactly('ref'), exactly('environment'), exactly('job_workflow_ref'), exactly('workflow_ref')],
      shaped('sub', /^repo:[^:*]+:[^*]/),
    ],
    words: 'without ref, environment or job_workflow_ref, every branch and workflow of the repository may use it',
  },
]

const issuer = (form: string, pattern: RegExp, shared: boolean, words: string): IssuerForm => ({
  ...{ form, pattern, shared, words },
  pins: [OWNER],
  advised: ADVISED,
})

/** `OWNER/REPO/.github/workflows/FILE@REF` of a reusable workflow; that of a job of its own names the same owner. */
function runsWorkflowOfOthers({ job_workflow_ref: workflow, repository_owner: owner }: Claims): boolean {
  if (workflow === undefined) return false
  return typeof workflow !== 'string' || typeof owner !== 'string' || !workflow.startsWith(`${owner}/`)
}

export const githubActions: Preset = {
  platform: 'github-actions',
  title: 'GitHub Actions',
  summary: 'A job with `permissions: id-token: write` gets a token for any audience that it asks for.',
  issuers: [
    issuer(
      'https://token.actions.githubusercontent.com',
      /^https:\/\/token\.actions\.githubusercontent\.com$/,
      true,
      'github.com: one issuer for everybody',
    ),
    issuer(
      'https://token.actions.githubusercontent.com/<enterprise>',
      /^https:\/\/token\.actions\.githubusercontent\.com\/[A-Za-z0-9_-]+$/,
      true,
      'Enterprise Cloud with an issuer of its own',
    ),
    issuer(
      'https://token.actions.<subdomain>.ghe.com',
      /^https:\/\/token\.actions\.[a-z0-9-]+\.ghe\.com$/,
      false,
      'Enterprise Cloud with data residency',
    ),
    issuer(
      'https://<host>/_services/token',
      /^https:\/\/[a-z0-9.-]+(?::\d+)?\/_services\/token$/,
      false,
      'Enterprise Server',
    ),
  ],
  defaultIssuer: 'https://token.actions.githubusercontent.com',
  hosts: /^token\.actions\.(?:githubusercontent\.com|[a-z0-9-]+\.ghe\.com)$/,
  algorithms: ['RS256'],
  maxLifetime: 900,
  maxAge: 600,
  singleUse: true,
  capToSubjectExp: false,
  claims: [
    { claim: 'repository_id', trust: 'id', words: 'The repository. Stays when it is renamed; a string of digits.' },
    { claim: 'repository_owner_id', trust: 'id', words: 'Its owner: defends against a name that was registered anew.' },
    { claim: 'enterprise_id', trust: 'id', words: 'The enterprise that the owner belongs to.' },
    { claim: 'actor_id', trust: 'id', words: 'Who started the run: a person, not a workload.' },
    {
      claim: 'job_workflow_ref',
      trust: 'steady',
      words: 'The file that really runs, with its ref; names the repository.',
    },
    { claim: 'workflow_ref', trust: 'steady', words: 'The file that was started, with its ref.' },
    { claim: 'ref', trust: 'steady', words: 'The branch or tag. Whoever may write can make branches: protect it.' },
    { claim: 'ref_type', trust: 'steady', words: 'branch or tag.' },
    { claim: 'ref_protected', trust: 'steady', words: 'The text "true" or "false"; says nothing about how well.' },
    {
      claim: 'environment',
      trust: 'steady',
      words: 'Worth what its protection rules are worth: the workflow names it.',
    },
    { claim: 'event_name', trust: 'steady', words: 'What started it. pull_request must be named to be let in.' },
    { claim: 'repository_visibility', trust: 'steady', words: 'public, private or internal.' },
    {
      claim: 'runner_environment',
      trust: 'steady',
      words: 'github-hosted or self-hosted, where jobs can leak to others.',
    },
    {
      claim: 'sub',
      trust: 'name',
      words: 'As the repository composes it; in the form repo:OWNER@ID/REPO@ID:… it pins.',
    },
    { claim: 'repository', trust: 'name', words: 'Can be renamed, and registered by others.' },
    { claim: 'repository_owner', trust: 'name', words: 'Can be renamed, and registered by others.' },
    { claim: 'workflow', trust: 'name', words: 'What the YAML calls itself.' },
    { claim: 'actor', trust: 'name', words: 'A login: another at each run.' },
    { claim: 'head_ref', trust: 'chosen', words: 'The branch of a pull request, as its author named it.' },
    { claim: 'base_ref', trust: 'chosen', words: 'Where a pull request wants to go.' },
  ],
  denials: [
    deniedValue(
      'event_name',
      'pull_request_target',
      'it runs with the rights of the repository on what outsiders wrote',
    ),
    deniedValue('event_name', 'pull_request', 'pull requests must be let in by name', { unlessNamed: true }),
    {
      claim: 'job_workflow_ref',
      words: "a reusable workflow of another owner must be let in by name: it can hand on the job's token",
      expected: "a workflow of the repository's owner",
      applies: runsWorkflowOfOthers,
      unlessNamed: 'at all',
    },
  ],
}
