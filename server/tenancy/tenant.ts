import type { Mode } from '../mode/mode.ts'
import type { Database } from '../storage/database.ts'
import { readSettings } from './settings.ts'

/** What may be known of a tenant, in one mode, between two requests. */
export interface Tenant {
  readonly id: string
  readonly name: string
  readonly plan: Plan
  readonly status: TenantStatus
  /** By the operator for both modes, or by itself for this one. */
  readonly requireDpop: boolean
  /** Whether a client_id may be the URL of the client's own description (CIMD). */
  readonly metadataDocumentClients: boolean
  /** Those it registered, the default one included once the tenant has added scopes to it. */
  readonly resources: readonly Resource[]
  readonly ref: string
  readonly version: number
}

export type Plan = 'standard' | 'enterprise'
export type TenantStatus = 'active' | 'paused' | 'cancelled'

/** A protected resource (RFC 8707). */
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
  const resources = await database.resource.findMany({ where: { tenantId: id, mode }, orderBy: { createdAt: 'asc' } })
  return {
    id,
    name: row.name,
    plan: row.plan as Plan,
    status: row.status as TenantStatus,
    requireDpop: row.requireDpop || settings.requireDpop,
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
