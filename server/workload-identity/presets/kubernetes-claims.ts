import { type ClaimWords, exactly, type Pin, shaped } from './preset.ts'

/** What projected service-account tokens say, wherever the cluster runs. */
export const KUBERNETES_CLAIMS: readonly ClaimWords[] = [
  { claim: 'sub', trust: 'steady', words: 'system:serviceaccount:<namespace>:<name>. Names can be given again.' },
  { claim: '/kubernetes.io/namespace', trust: 'steady', words: 'The namespace.' },
  { claim: '/kubernetes.io/serviceaccount/name', trust: 'steady', words: 'The service account.' },
  { claim: '/kubernetes.io/serviceaccount/uid', trust: 'id', words: 'The service account; another when made anew.' },
  { claim: '/kubernetes.io/pod/name', trust: 'chosen', words: 'Whoever may create pods names them.' },
  { claim: '/kubernetes.io/node/name', trust: 'name', words: 'Where it runs; for the record only.' },
]

export const KUBERNETES_PINS: readonly Pin[] = [
  {
    anyOf: [
      shaped('sub', /^system:serviceaccount:[^:*]+:/),
      exactly('/kubernetes.io/namespace'),
      exactly('/kubernetes.io/serviceaccount/uid'),
    ],
    words: 'the service account: sub, or its namespace and name, or its uid',
  },
]

export const EKS_ISSUER = /^https:\/\/oidc\.eks\.[a-z0-9-]+\.amazonaws\.com(?:\.cn)?\/id\/[0-9A-F]+$/
export const AKS_ISSUER = /^https:\/\/(?:[a-z0-9-]+\.oic|oidc)\.prod-aks\.azure\.com\/(?:[0-9a-f-]{36}\/){1,2}$/
