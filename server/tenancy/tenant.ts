import type { Mode } from '../mode/mode.ts'
import type { Database } from '../storage/database.ts'
import { type Security, type SecurityTier, strictest } from './security-tier.ts'
import { readSettings } from './settings.ts'

/** What may be known of a tenant, in one mode, between two requests. Its security is what holds altogether. */
export interface Tenant extends Security {
  readonly id: string
  readonly name: string
  readonly plan: Plan
  readonly status: TenantStatus
  /** What of its security is the operator's word. */
  readonly imposed: SecurityTier
  /** Whether a client_id may be the URL of the client's own description (CIMD). */
  readonly metadataDocumentClients: boolean
  /** Those it registered, the default one included once the tenant has added scopes to it. */
  readonly resources: readonly Resource[]
  readonly ref: string
  readonly version: number
}

export const PLANS = ['standard', 'enterprise'] as const
export type Plan = (typeof PLANS)[number]
export type TenantStatus = 'active' | 'paused' | 'cancelled'

/** A protected resource (RFC 8707), as far as there are new tokens for it: what is deprecated isn't here. */
export interface Resource {
  readonly identifier: string
  readonly name: string
  readonly scopes: readonly string[]
  /** Lifetime of tokens for it, in seconds. */
  readonly tokenValidity: number | undefined
}

type TenantTables = Pick<Database, 'standing' | 'tenant' | 'tenantSettings' | 'resource'>

export async function loadTenant(database: TenantTables, mode: Mode, id: string): Promise<Tenant | undefined> {
  // The standing first, as with clients: a copy may look older than it is, never newer.
  const standing = await database.standing.findFirst({ where: { tenantId: id, mode, kind: 'tenant' } })
  const row = standing && (await database.tenant.findUnique({ where: { id } }))
  if (!row) return undefined
  const settings = await readSettings(database, { tenantId: id, mode })
  const { requireDpop, allowedNetworks, maxTokenValidity } = row
  const imposed = { requireDpop, allowedNetworks, maxTokenValidity }
  const resources = await database.resource.findMany({
    where: { tenantId: id, mode, deprecatedAt: null },
    orderBy: { createdAt: 'asc' },
  })
  return {
    id,
    name: row.name,
    plan: row.plan as Plan,
    status: row.status as TenantStatus,
    imposed,
    ...strictest([imposed, settings]),
    metadataDocumentClients: settings.metadataDocumentClients,
    resources: resources.map(({ identifier, name, scopes, tokenValidity }) => ({
      identifier,
      name,
      scopes,
      tokenValidity: tokenValidity ?? undefined,
    })),
    ref: standing.ref,
    version: standing.version,
  }
}
