import { deniedValue, exactly, type IssuerForm, type Preset } from './preset.ts'

const issuer = (form: string, pattern: RegExp, shared: boolean, words: string): IssuerForm => ({
  ...{ form, pattern, shared, words },
  pins: [
    {
      anyOf: [exactly('project_id'), exactly('namespace_id')],
      words: 'whose project: project_id or namespace_id, the numbers, as paths can be taken by others',
    },
  ],
  advised: [
    {
      anyOf: [exactly('ref', 'ref_protected'), exactly('environment', 'environment_protected')],
      words: 'without ref and ref_protected (or environment and environment_protected), whoever may push may use it',
    },
  ],
})

export const gitlab: Preset = {
  platform: 'gitlab',
  title: 'GitLab CI/CD',
  summary: 'A job names its tokens, and their audiences, in an `id_tokens:` block.',
  issuers: [
    issuer('https://gitlab.com', /^https:\/\/gitlab\.com$/, true, 'gitlab.com: one issuer for everybody'),
    issuer('https://<host>', /^https:\/\//, false, 'An instance of your own'),
  ],
  defaultIssuer: 'https://gitlab.com',
  hosts: /^gitlab\.com$/,
  algorithms: ['RS256'],
  maxLifetime: 86_400,
  maxAge: 86_400,
  singleUse: false,
  capToSubjectExp: true,
  claims: [
    {
      claim: 'project_id',
      trust: 'id',
      words: 'The project whose code runs; of a fork, the fork. A string of digits.',
    },
    { claim: 'namespace_id', trust: 'id', words: 'The group or person that the project belongs to.' },
    {
      claim: 'job_project_id',
      trust: 'id',
      words: 'Where the job runs: for a fork this is the parent, so it pins nothing.',
    },
    { claim: 'ref', trust: 'steady', words: 'The branch or tag; together with ref_protected.' },
    { claim: 'ref_type', trust: 'steady', words: 'branch or tag.' },
    { claim: 'ref_protected', trust: 'steady', words: 'The text "true" or "false".' },
    { claim: 'environment', trust: 'steady', words: 'Only together with environment_protected: the YAML names it.' },
    { claim: 'environment_protected', trust: 'steady', words: 'The text "true" or "false".' },
    { claim: 'ci_config_ref_uri', trust: 'steady', words: 'Which CI file really ran.' },
    {
      claim: 'pipeline_source',
      trust: 'steady',
      words: 'What started it. merge_request_event must be named to be let in.',
    },
    { claim: 'runner_environment', trust: 'steady', words: 'gitlab-hosted or self-hosted.' },
    { claim: 'project_path', trust: 'name', words: 'Can be renamed, and taken by others.' },
    { claim: 'namespace_path', trust: 'name', words: 'Can be renamed, and taken by others.' },
    { claim: 'sub', trust: 'name', words: 'As the project composes it: of names.' },
    { claim: 'user_login', trust: 'name', words: 'The person who started it, not the workload.' },
    { claim: 'user_email', trust: 'name', words: 'The person who started it, not the workload.' },
    { claim: 'groups_direct', trust: 'name', words: 'Groups of the person who started it.', list: true },
  ],
  denials: [
    deniedValue('pipeline_source', 'merge_request_event', 'merge requests must be let in by name', {
      unlessNamed: true,
    }),
  ],
}
