import { type Preset, shaped } from './preset.ts'

export const spiffe: Preset = {
  platform: 'spiffe',
  title: 'SPIFFE',
  summary: 'A JWT-SVID with our audience. SPIRE must be told to say who issued it (`jwt_issuer`).',
  issuers: [
    {
      form: 'https://<issuer of the trust domain>',
      pattern: /^https:\/\//,
      shared: false,
      words: 'As jwt_issuer says. Upload the bundle of a trust domain that cannot be reached',
      pins: [
        {
          // The whole trust domain, up to its slash: spiffe://prod.example also begins spiffe://prod.example.evil.
          anyOf: [shaped('sub', /^spiffe:\/\/[a-z0-9._-]+\/(?!\*)./)],
          words: 'the workload: sub, a SPIFFE ID, or the beginning of one as far as a slash of its path',
        },
      ],
      advised: [],
    },
  ],
  algorithms: ['ES256', 'RS256', 'ES384', 'RS384', 'ES512', 'RS512', 'PS256', 'PS384', 'PS512'],
  maxLifetime: 3_600,
  maxAge: 3_600,
  singleUse: false,
  capToSubjectExp: true,
  claims: [{ claim: 'sub', trust: 'steady', words: 'The SPIFFE ID: spiffe://<trust domain>/<path>.' }],
  denials: [],
}
