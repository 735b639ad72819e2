import type { Mode } from '../mode/mode.ts'
import type { Database } from '../storage/database.ts'

/** What may be known of a tenant, in one mode, between two requests. */
export interface Tenant {
  readonly id: string
  readonly name: string
  readonly plan: Plan
  readonly status: TenantStatus
  readonly requireDpop: boolean
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

type TenantTables = Pick<Database, 'standing' | 'tenant' | 'resource'>

export async function loadTenant(database: TenantTables, mode: Mode, id: string): Promise<Tenant | undefined> {
  // The standing first, as with clients: a copy may look older than it is, never newer.
  const standing = await database.standing.findFirst({ where: { tenantId: id, mode, kind: 'tenant' } })
  const row = standing && (await database.tenant.findUnique({ where: { id } }))
  if (!row) return undefined
  const resources = await database.resource.findMany({ where: { tenantId: id, mode }, orderBy: { createdAt: 'asc' } })
  return {
    id,
    name: row.name,
    plan: row.plan as Plan,
    status: row.status as TenantStatus,
    requireDpop: row.requireDpop,
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
