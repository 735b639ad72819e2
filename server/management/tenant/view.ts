import type { TenantScope } from '../../tenancy/scoped-database.ts'
import type { TenantSettings } from '../../tenancy/settings.ts'
import type { Tenant } from '../../tenancy/tenant.ts'

/** The settings are those of the mode, as the tenant itself made them. */
export const viewOfTenant = ({ id, name, plan, status }: Tenant, { mode }: TenantScope, settings: TenantSettings) => ({
  ...{ id, name, plan, status, mode },
  require_dpop: settings.requireDpop,
  metadata_document_clients: settings.metadataDocumentClients,
})
