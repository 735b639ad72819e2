import type { SecurityTier } from '../../tenancy/security-tier.ts'

/** What is demanded, for a line of output. */
export const securityInWords = ({ requireDpop, allowedNetworks, maxTokenValidity }: SecurityTier): string =>
  [
    ...(requireDpop ? ['DPoP'] : []),
    ...(allowedNetworks.length ? [`from ${allowedNetworks.join(', ')}`] : []),
    ...(maxTokenValidity === null ? [] : [`tokens of ${maxTokenValidity} s at most`]),
  ].join('; ')
