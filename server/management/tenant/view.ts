import { z } from 'zod'
import type { TenantScope } from '../../tenancy/scoped-database.ts'
import { strictest } from '../../tenancy/security-tier.ts'
import type { TenantSettings } from '../../tenancy/settings.ts'
import type { Tenant } from '../../tenancy/tenant.ts'

export const tenantAnswer = z
  .strictObject({
    id: z.string(),
    name: z.string(),
    plan: z.enum(['standard', 'enterprise']),
    status: z.enum(['active', 'paused', 'cancelled']),
    mode: z.enum(['live', 'test']),
    require_dpop: z.boolean(),
    metadata_document_clients: z.boolean(),
    allowed_networks: z.array(z.string()).meta({ description: 'empty: from anywhere' }),
    max_token_validity: z.int().nullable(),
    audit_retention_days: z.int(),
    security: z
      .strictObject({
        require_dpop: z.boolean(),
        allowed_networks: z.array(z.array(z.string())).meta({ description: 'every list must hold the address' }),
        max_token_validity: z.int().nullable(),
      })
      .meta({ description: 'what holds altogether: these settings and what the operator demands' }),
  })
  .meta({ id: 'Tenant' })

/** The settings are those of the mode, as the tenant itself made them; `security` is what holds with the operator's. */
export function viewOfTenant(
  { id, name, plan, status, imposed }: Tenant,
  { mode }: TenantScope,
  settings: TenantSettings,
) {
  const security = strictest([imposed, settings])
  return {
    ...{ id, name, plan, status, mode },
    require_dpop: settings.requireDpop,
    metadata_document_clients: settings.metadataDocumentClients,
    allowed_networks: settings.allowedNetworks,
    max_token_validity: settings.maxTokenValidity,
    audit_retention_days: settings.auditRetentionDays,
    security: {
      require_dpop: security.requireDpop,
      allowed_networks: security.allowedNetworks,
      max_token_validity: security.maxTokenValidity ?? null,
    },
  }
}
