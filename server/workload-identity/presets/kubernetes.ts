import { KUBERNETES_CLAIMS, KUBERNETES_PINS } from './kubernetes-claims.ts'
import { exactly, type Preset, shaped } from './preset.ts'

export const kubernetes: Preset = {
  platform: 'kubernetes',
  title: 'Kubernetes',
  summary: 'A projected service-account token with our audience; never the default one, which is for the API server.',
  issuers: [
    {
      form: 'https://<issuer of the cluster>',
      pattern: /^https:\/\//,
      shared: false,
      words: 'As --service-account-issuer says. Upload the keys of a cluster that cannot be reached',
      pins: KUBERNETES_PINS,
      advised: [
        {
          anyOf: [
            shaped('sub', /^system:serviceaccount:[^:*]+:[^:*]+$/),
            exactly('/kubernetes.io/serviceaccount/name'),
            exactly('/kubernetes.io/serviceaccount/uid'),
          ],
          words: 'without its name, every service account of the namespace may use it',
        },
      ],
    },
  ],
  algorithms: ['RS256', 'ES256'],
  maxLifetime: 86_400,
  maxAge: 86_400,
  singleUse: false,
  capToSubjectExp: true,
  claims: KUBERNETES_CLAIMS,
  denials: [],
}
