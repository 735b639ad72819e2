import { deniedValue, exactly, type IssuerForm, type Preset } from './preset.ts'

const issuer = (form: string, pattern: RegExp, words: string): IssuerForm => ({
  ...{ form, pattern, words, shared: true },
  pins: [
    {
      anyOf: [exactly('owner_id'), exactly('project_id')],
      words: 'whose project: owner_id or project_id, as names can be taken by others',
    },
  ],
  advised: [
    { anyOf: [exactly('project_id')], words: 'without project_id, every project of the team may use it' },
    { anyOf: [exactly('environment')], words: 'without environment, previews may use it as production does' },
  ],
})

/** One key signs for all teams: only what the token says tells them apart. */
export const vercel: Preset = {
  platform: 'vercel',
  title: 'Vercel',
  summary: 'Functions and builds have a token; `@vercel/oidc` exchanges it for one with our audience.',
  issuers: [
    issuer('https://oidc.vercel.com', /^https:\/\/oidc\.vercel\.com$/, 'Global mode: one issuer for everybody'),
    issuer(
      'https://oidc.vercel.com/<team>',
      /^https:\/\/oidc\.vercel\.com\/[a-z0-9-]+$/,
      "Team mode: the team's name, which another may take once it is free",
    ),
  ],
  defaultIssuer: 'https://oidc.vercel.com',
  hosts: /^oidc\.vercel\.com$/,
  algorithms: ['RS256'],
  maxLifetime: 43_200,
  maxAge: 43_200,
  singleUse: false,
  capToSubjectExp: true,
  claims: [
    { claim: 'owner_id', trust: 'id', words: 'The team.' },
    { claim: 'project_id', trust: 'id', words: 'The project.' },
    {
      claim: 'environment',
      trust: 'steady',
      words: 'production, preview, or a name of your own. development is a laptop.',
    },
    { claim: 'owner', trust: 'name', words: 'Can be renamed, and taken by others.' },
    { claim: 'project', trust: 'name', words: 'Can be renamed.' },
    { claim: 'sub', trust: 'name', words: 'Made of names.' },
    { claim: 'jti', trust: 'chosen', words: 'By whoever exchanges the token.' },
  ],
  denials: [
    deniedValue('environment', 'development', 'a token of a laptop must be let in by name', { unlessNamed: true }),
  ],
}
