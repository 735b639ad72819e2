import { deniedValue, type Preset } from './preset.ts'

export const gcp: Preset = {
  platform: 'gcp',
  title: 'Google Cloud',
  summary: 'The metadata server hands out a token for any audience. The same issuer signs in people.',
  issuers: [
    {
      form: 'https://accounts.google.com',
      pattern: /^https:\/\/accounts\.google\.com$/,
      shared: true,
      words: 'One issuer for everybody, people included',
      pins: [
        {
          anyOf: [[{ claim: 'sub', form: /^\d{10,30}$/ }], [{ claim: 'azp', form: /^\d{10,30}$/ }]],
          words: "the service account: sub, its number, as another may get a deleted one's e-mail address",
        },
      ],
      advised: [],
    },
  ],
  defaultIssuer: 'https://accounts.google.com',
  hosts: /^accounts\.google\.com$/,
  algorithms: ['RS256'],
  maxLifetime: 3_660,
  maxAge: 3_660,
  singleUse: false,
  capToSubjectExp: true,
  claims: [
    {
      claim: 'sub',
      trust: 'id',
      words: "The service account's number. Made anew under the same e-mail, it has another.",
    },
    { claim: 'azp', trust: 'id', words: 'The same number.' },
    {
      claim: '/google/compute_engine/project_number',
      trust: 'id',
      words: 'The project, a number; on Compute Engine with format=full alone.',
    },
    { claim: '/google/compute_engine/instance_id', trust: 'id', words: 'The machine; on Compute Engine alone.' },
    { claim: '/google/compute_engine/project_id', trust: 'steady', words: 'The project, as it is called for good.' },
    { claim: '/google/compute_engine/zone', trust: 'name', words: 'Where the machine is.' },
    { claim: '/google/compute_engine/instance_name', trust: 'name', words: 'Can be given again.' },
    { claim: 'email', trust: 'name', words: 'Can be given again after it was deleted. Never alone.' },
  ],
  denials: [deniedValue('email_verified', 'false', 'it names an e-mail address that nobody has verified')],
}
