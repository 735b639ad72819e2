import { deniedValue, exactly, type IssuerForm, type Preset, shaped } from './preset.ts'

const issuer = (form: string, pattern: RegExp, shared: boolean, words: string): IssuerForm => ({
  ...{ form, pattern, shared, words },
  pins: [
    {
      anyOf: [
        exactly('oidc.circleci.com/org-id'),
        exactly('oidc.circleci.com/project-id'),
        shaped('sub', /^org\/[0-9a-f-]{36}\//),
      ],
      words: 'whose project: oidc.circleci.com/org-id or oidc.circleci.com/project-id',
    },
  ],
  advised: [
    {
      anyOf: [exactly('oidc.circleci.com/project-id'), shaped('sub', /^org\/[0-9a-f-]{36}\/project\/[0-9a-f-]{36}\//)],
      words: 'without oidc.circleci.com/project-id, every project of the organization may use it',
    },
    {
      anyOf: [exactly('oidc.circleci.com/vcs-origin', 'oidc.circleci.com/vcs-ref')],
      words: 'without oidc.circleci.com/vcs-origin and vcs-ref, forks and all branches may use it',
    },
  ],
})

export const circleci: Preset = {
  platform: 'circleci',
  title: 'CircleCI',
  summary: 'Jobs have a token for the organization; `circleci run oidc get` makes one with our audience.',
  issuers: [
    issuer(
      'https://oidc.circleci.com/org/<organization id>',
      /^https:\/\/oidc\.circleci\.com\/org\/[0-9a-f-]{36}$/,
      false,
      'One organization',
    ),
    issuer('https://oidc.circleci.com', /^https:\/\/oidc\.circleci\.com$/, true, 'The root: one issuer for everybody'),
  ],
  hosts: /^oidc\.circleci\.com$/,
  algorithms: ['RS256'],
  maxLifetime: 3_700,
  maxAge: 3_700,
  singleUse: false,
  capToSubjectExp: true,
  claims: [
    { claim: 'oidc.circleci.com/org-id', trust: 'id', words: 'The organization.' },
    { claim: 'oidc.circleci.com/project-id', trust: 'id', words: 'The project.' },
    { claim: 'oidc.circleci.com/pipeline-definition-id', trust: 'id', words: 'Which pipeline of the project.' },
    { claim: 'oidc.circleci.com/context-ids', trust: 'id', words: 'The contexts that the job uses.', list: true },
    { claim: 'oidc.circleci.com/vcs-origin', trust: 'name', words: 'The repository: tells forks apart.' },
    { claim: 'oidc.circleci.com/vcs-ref', trust: 'steady', words: 'The branch or tag.' },
    { claim: 'oidc.circleci.com/ssh-rerun', trust: 'steady', words: 'true: somebody ran it again to look inside.' },
    { claim: 'sub', trust: 'name', words: 'Names the person who started it too: another at each.' },
  ],
  denials: [deniedValue('oidc.circleci.com/ssh-rerun', 'true', 'somebody ran the job again with SSH, and is inside')],
}
