import type { Outcome } from '../audit/change.ts'
import type { ScopedTransaction, WholeTenant } from './scoped-database.ts'
import type { SecurityTier } from './security-tier.ts'
import type { Plan, TenantStatus } from './tenant.ts'

/** What is the operator's to decide of a tenant, in both modes. */
export interface Operated extends SecurityTier {
  readonly plan: Plan
  readonly status: TenantStatus
}

/** What isn't there stays as it is. */
export type WishedTenant = { readonly [name in keyof Operated]?: Operated[name] | undefined }

/** What the audit log calls them. */
const NAMES = {
  plan: 'plan',
  status: 'status',
  requireDpop: 'require_dpop',
  allowedNetworks: 'allowed_networks',
  maxTokenValidity: 'max_token_validity',
} as const satisfies Record<keyof Operated, string>

const COLUMNS = Object.keys(NAMES) as (keyof Operated)[]

/** To change the status is a thing of its own, that somebody may want to hear of. */
const ACTION: Record<TenantStatus, string> = {
  active: 'tenant.resumed',
  paused: 'tenant.paused',
  cancelled: 'tenant.cancelled',
}

/**
 * Every node reads the tenant anew after it, in both modes. What is so already changes nothing, and moves the standings
 * again: an operator whose command was cut short can repeat it and be sure.
 */
export async function changeTenant(
  transaction: ScopedTransaction,
  { tenantId }: WholeTenant,
  wished: WishedTenant,
): Promise<Outcome<Operated>> {
  const before = operatedOf(await transaction.tenant.findUniqueOrThrow({ where: { id: tenantId } }))
  const changes = COLUMNS.flatMap((name) => {
    const value = wished[name] === undefined ? before[name] : wished[name]
    return JSON.stringify(value) === JSON.stringify(before[name]) ? [] : [{ name, value }]
  })
  const standings = await transaction.standing.findMany({ where: { kind: 'tenant' } })
  const moved = standings.map(({ ref }) => ({ ref, kill: false }))
  if (!changes.length) return { result: before, events: [], moved }
  const changed = Object.fromEntries(changes.map(({ name, value }) => [name, value]))
  await transaction.tenant.update({ where: { id: tenantId }, data: changed })
  const details = Object.fromEntries(changes.map(({ name, value }) => [NAMES[name], value]))
  const after = { ...before, ...changed } as Operated
  const action = 'status' in changed ? ACTION[after.status] : 'tenant.changed'
  return { result: after, events: [{ action, target: { type: 'tenant', id: tenantId }, details }], moved }
}

type TenantRow = Awaited<ReturnType<ScopedTransaction['tenant']['findUniqueOrThrow']>>

const operatedOf = ({ plan, status, requireDpop, allowedNetworks, maxTokenValidity }: TenantRow): Operated => ({
  ...{ plan: plan as Plan, status: status as TenantStatus },
  ...{ requireDpop, allowedNetworks, maxTokenValidity },
})
