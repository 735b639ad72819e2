import { EKS_ISSUER, KUBERNETES_CLAIMS, KUBERNETES_PINS } from './kubernetes-claims.ts'
import { exactly, type Preset, shaped } from './preset.ts'

const ACCOUNT = '/https:~1~1sts.amazonaws.com~1/aws_account'
const ROLE_ARN = /^arn:aws[a-z-]*:(?:iam|sts)::\d{12}:/

/** Every account can mint good tokens from an issuer of its own: so it is registered by its exact name. */
export const aws: Preset = {
  platform: 'aws',
  title: 'AWS',
  summary:
    'sts:GetWebIdentityToken, once an administrator has enabled it for the account; a projected token of EKS; or a ' +
    'signed GetCallerIdentity request.',
  issuers: [
    {
      form: 'https://<uuid>.tokens.sts.global.api.aws',
      pattern: /^https:\/\/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\.tokens\.sts\.global\.api\.aws$/,
      shared: false,
      words: 'One account, as GetOutboundWebIdentityFederationInfo says it',
      pins: [{ anyOf: [[{ claim: 'sub', form: ROLE_ARN, patterns: true }]], words: 'the role: sub, its ARN' }],
      advised: [{ anyOf: [exactly(ACCOUNT)], words: `without ${ACCOUNT} the issuer alone says which account it is` }],
    },
    {
      form: 'https://sts.amazonaws.com',
      pattern: /^https:\/\/sts\.amazonaws\.com$/,
      shared: true,
      words: 'Signed GetCallerIdentity requests, of any account',
      pins: [{ anyOf: [shaped('sub', ROLE_ARN), exactly(ACCOUNT)], words: 'whose role: sub, its ARN' }],
      advised: [],
    },
    {
      form: 'https://oidc.eks.<region>.amazonaws.com/id/<id>',
      pattern: EKS_ISSUER,
      shared: false,
      words: 'A cluster of EKS. Project a token with an audience of ours: that of IRSA also opens the AWS role',
      pins: KUBERNETES_PINS,
      advised: [],
      limits: { singleUse: false, maxLifetime: 86_400, maxAge: 86_400 },
    },
  ],
  hosts: /^sts\.amazonaws\.com$|\.tokens\.sts\.global\.api\.aws$/,
  algorithms: ['ES384', 'RS256'],
  maxLifetime: 3_600,
  maxAge: 3_600,
  singleUse: true,
  capToSubjectExp: false,
  claims: [
    { claim: ACCOUNT, trust: 'id', words: 'The account, 12 digits.' },
    {
      claim: 'sub',
      trust: 'steady',
      words: 'The ARN of the role. A role that is made anew under the name has the same.',
    },
    { claim: '/https:~1~1sts.amazonaws.com~1/org_id', trust: 'id', words: 'The organization of the account.' },
    {
      claim: '/https:~1~1sts.amazonaws.com~1/ou_path',
      trust: 'steady',
      words: 'Where in the organization the account is.',
      list: true,
    },
    {
      claim: '/https:~1~1sts.amazonaws.com~1/lambda_source_function_arn',
      trust: 'steady',
      words: 'The function, where it is one.',
    },
    {
      claim: '/https:~1~1sts.amazonaws.com~1/ec2_source_instance_arn',
      trust: 'steady',
      words: 'The machine, where it is one.',
    },
    {
      claim: '/https:~1~1sts.amazonaws.com~1/principal_tags',
      trust: 'name',
      words: 'Worth what the rules about tags in the account are worth.',
    },
    {
      claim: '/https:~1~1sts.amazonaws.com~1/request_tags',
      trust: 'chosen',
      words: 'Whatever the caller wants to say.',
    },
    ...KUBERNETES_CLAIMS.filter(({ claim }) => claim !== 'sub'),
  ],
  denials: [],
}
