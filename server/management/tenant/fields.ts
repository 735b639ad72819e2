import { z } from 'zod'
import { canonicalNetwork, MOST_NETWORKS } from '../../tenancy/networks.ts'
import { tokenValidity } from '../fields.ts'

const LONGEST_NETWORK = 64

const network = z.string().transform((text, context) => {
  const canonical = text.length > LONGEST_NETWORK ? undefined : canonicalNetwork(text)
  if (canonical !== undefined) return canonical
  context.addIssue('an IP address or a CIDR block, such as 203.0.113.0/24')
  return z.NEVER
})

const yesOrNo = z.boolean('true or false')

/** What a tenant decides for itself. */
export const tenantFields = {
  require_dpop: yesOrNo.optional(),
  metadata_document_clients: yesOrNo.optional(),
  allowed_networks: z
    .array(network)
    .max(MOST_NETWORKS, `at most ${MOST_NETWORKS}`)
    .transform((networks) => [...new Set(networks)])
    .optional(),
  max_token_validity: tokenValidity.nullish(),
  audit_retention_days: z.int('a whole number of days').min(1, 'at least 1').max(3650, 'at most 3650').optional(),
}
