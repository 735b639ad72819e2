import { exactly, type Preset, shaped } from './preset.ts'

export const buildkite: Preset = {
  platform: 'buildkite',
  title: 'Buildkite',
  summary: '`buildkite-agent oidc request-token --audience … --claim organization_id,pipeline_id`',
  issuers: [
    {
      form: 'https://agent.buildkite.com',
      pattern: /^https:\/\/agent\.buildkite\.com$/,
      shared: true,
      words: 'One issuer for everybody',
      pins: [
        {
          anyOf: [
            ...[exactly('organization_id'), exactly('pipeline_id'), exactly('organization_slug')],
            shaped('sub', /^organization:[^:*]+:/),
          ],
          words: 'whose pipeline: organization_id or pipeline_id (the job must ask for them), or organization_slug',
        },
      ],
      advised: [
        {
          anyOf: [exactly('organization_id'), exactly('pipeline_id')],
          words: 'without organization_id or pipeline_id it trusts a name, which another may take once it is free',
        },
        {
          anyOf: [
            exactly('pipeline_id'),
            exactly('pipeline_slug'),
            shaped('sub', /^organization:[^:*]+:pipeline:[^:*]+:/),
          ],
          words: 'without pipeline_id, every pipeline of the organization may use it',
        },
        { anyOf: [exactly('build_branch')], words: 'without build_branch, every branch may use it' },
      ],
    },
  ],
  defaultIssuer: 'https://agent.buildkite.com',
  hosts: /^agent\.buildkite\.com$/,
  algorithms: ['RS256'],
  maxLifetime: 3_600,
  maxAge: 600,
  singleUse: true,
  capToSubjectExp: false,
  claims: [
    { claim: 'organization_id', trust: 'id', words: 'The organization; if the job asks for it.' },
    { claim: 'pipeline_id', trust: 'id', words: 'The pipeline; if the job asks for it.' },
    { claim: 'cluster_id', trust: 'id', words: 'The cluster of agents; if the job asks for it.' },
    { claim: 'queue_id', trust: 'id', words: 'The queue; if the job asks for it.' },
    { claim: 'build_source', trust: 'steady', words: 'What started it: webhook, ui, api, schedule, trigger_job.' },
    { claim: 'runner_environment', trust: 'steady', words: 'buildkite-hosted or self-hosted.' },
    { claim: 'build_branch', trust: 'chosen', words: 'The branch; of a pull request, as its author named it.' },
    { claim: 'build_tag', trust: 'steady', words: 'The tag, where there is one.' },
    { claim: 'step_key', trust: 'chosen', words: 'As the pipeline file calls the step.' },
    { claim: 'organization_slug', trust: 'name', words: 'Can be renamed, and taken by others.' },
    { claim: 'pipeline_slug', trust: 'name', words: 'Can be renamed.' },
    { claim: 'sub', trust: 'name', words: 'Names the commit too: another at each build.' },
  ],
  denials: [],
}
