import type { Outcome } from '../audit/change.ts'
import type { Database } from '../storage/database.ts'
import type { ScopedTransaction, TenantScope } from './scoped-database.ts'
import type { SecurityTier } from './security-tier.ts'
import type { Tenant } from './tenant.ts'

/** What a tenant decides for itself, in each mode apart. Of its security, an operator may demand more. */
export interface TenantSettings extends SecurityTier {
  /** Whether a client_id may be the URL of the client's own description (CIMD). */
  readonly metadataDocumentClients: boolean
  readonly auditRetentionDays: number
}

type Setting = keyof TenantSettings

/** What the API and the audit log call them. */
const NAMES = {
  requireDpop: 'require_dpop',
  metadataDocumentClients: 'metadata_document_clients',
  allowedNetworks: 'allowed_networks',
  maxTokenValidity: 'max_token_validity',
  auditRetentionDays: 'audit_retention_days',
} as const satisfies Record<Setting, string>
const SETTINGS = Object.keys(NAMES) as Setting[]

/** No row: nothing but the defaults. */
export async function readSettings(
  { tenantSettings }: Pick<Database | ScopedTransaction, 'tenantSettings'>,
  scope: TenantScope,
): Promise<TenantSettings> {
  const row = await tenantSettings.findUnique({ where: { tenantId_mode: scope } })
  const { requireDpop, metadataDocumentClients, allowedNetworks, maxTokenValidity, auditRetentionDays } =
    row ?? DEFAULTS
  return { requireDpop, metadataDocumentClients, allowedNetworks, maxTokenValidity, auditRetentionDays }
}

/** As the columns have them. */
const DEFAULTS: TenantSettings = {
  ...{ requireDpop: false, allowedNetworks: [], maxTokenValidity: null },
  ...{ metadataDocumentClients: false, auditRetentionDays: 365 },
}

/** Every node reads the tenant anew after it. What is wished as it is already changes nothing. */
export async function changeSettings(
  transaction: ScopedTransaction,
  scope: TenantScope,
  tenant: Pick<Tenant, 'ref'>,
  wished: { readonly [setting in Setting]?: TenantSettings[setting] | undefined },
): Promise<Outcome<TenantSettings>> {
  // Of two first changes at once, one waits here for the other.
  await transaction.tenantSettings.createMany({ data: [scope], skipDuplicates: true })
  const before = await readSettings(transaction, scope)
  const changes = SETTINGS.flatMap((name) => {
    const value = wished[name] === undefined ? before[name] : wished[name]
    return JSON.stringify(value) === JSON.stringify(before[name]) ? [] : [{ name, value }]
  })
  if (!changes.length) return { result: before, events: [] }
  const changed = Object.fromEntries(changes.map(({ name, value }) => [name, value]))
  await transaction.tenantSettings.update({ where: { tenantId_mode: scope }, data: changed })
  const details = Object.fromEntries(changes.map(({ name, value }) => [NAMES[name], value]))
  const event = { action: 'tenant.changed', target: { type: 'tenant', id: scope.tenantId }, details }
  return { result: { ...before, ...changed }, events: [event], moved: [{ ref: tenant.ref, kill: false }] }
}
