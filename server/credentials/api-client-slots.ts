import type { ScopedTransaction, TenantScope } from '../tenancy/scoped-database.ts'

/** Five are active at once, for each tenant in each mode. The database knows too: no two share a slot, and none has a sixth. */
const SLOTS = [1, 2, 3, 4, 5] as const

/** Of two that want the last slot, one waits here for the other. Before anything else that the transaction locks. */
export async function lockSlots(transaction: ScopedTransaction, scope: TenantScope): Promise<void> {
  await transaction.tenantSettings.createMany({ data: [scope], skipDuplicates: true })
  // To write what is there locks the row.
  await transaction.tenantSettings.updateMany({ where: scope, data: scope })
}

/** Undefined: all are taken. */
export async function freeSlot(transaction: ScopedTransaction): Promise<number | undefined> {
  const taken = await transaction.apiClient.findMany({ where: { slot: { not: null } }, select: { slot: true } })
  return SLOTS.find((slot) => taken.every((other) => other.slot !== slot))
}
