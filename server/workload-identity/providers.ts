import type { Outcome } from '../audit/change.ts'
import { changedColumns } from '../credentials/client-columns.ts'
import { newRecordId } from '../credentials/format.ts'
import type { ScopedTransaction, TenantScope } from '../tenancy/scoped-database.ts'
import type { WorkloadProvider } from './model.ts'
import { movedWith } from './movements.ts'
import { keysColumns, type ProviderRow, providerOf } from './records.ts'

/** What can be changed later. A platform and its issuer are what a provider is. */
export type ProviderSettings = Pick<WorkloadProvider, 'name' | 'audiences' | 'keys' | 'singleUse'>

export interface NewProvider extends ProviderSettings, Pick<WorkloadProvider, 'platform' | 'issuer'> {
  readonly createdBy: string
}

export async function createProvider(
  transaction: ScopedTransaction,
  scope: TenantScope,
  { platform, issuer, createdBy, ...settings }: NewProvider,
  now: Date,
): Promise<Outcome<ProviderRow>> {
  const id = newRecordId('wp')
  const identity = { ...scope, id, platform, issuer, createdBy, createdAt: now, updatedAt: now }
  const row = await transaction.workloadProvider.create({ data: { ...identity, ...columnsOf(settings) } })
  const details = { name: row.name, platform, issuer }
  return { result: row, events: [{ action: 'workload_provider.created', target: targetOf(id), details }] }
}

/** What isn't there stays as it is. */
export interface ProviderChanges extends Partial<ProviderSettings> {
  readonly disabled?: boolean
}

/**
 * Undefined if there is no such provider. Disabled, or less trusted than before, it takes along what its bindings have
 * minted: nobody takes an audience or a key away for no reason.
 */
export async function updateProvider(
  transaction: ScopedTransaction,
  id: string,
  { disabled, ...settings }: ProviderChanges,
  now: Date,
): Promise<Outcome<ProviderRow | undefined>> {
  const before = await transaction.workloadProvider.findFirst({ where: { id } })
  if (!before) return { result: undefined, events: [] }
  const disabledAt = disabled === undefined ? before.disabledAt : disabled ? (before.disabledAt ?? now) : null
  const data = { ...columnsOf(settings), disabledAt, updatedAt: now }
  const after = await transaction.workloadProvider.update({ where: { id }, data })
  const kill = disabled === true || losesTrust(providerOf(before), providerOf(after))
  return {
    result: after,
    events: eventsOf(before, after),
    moved: await movedWith(transaction, { providerId: id }, kill),
  }
}

/** Its bindings go with it, and what they have minted. Undefined if there is no such provider. */
export async function deleteProvider(
  transaction: ScopedTransaction,
  id: string,
  now: Date,
): Promise<Outcome<ProviderRow | undefined>> {
  // Locks it before its bindings are read: none is added that would be deleted unseen.
  const [row] = await transaction.workloadProvider.updateManyAndReturn({ where: { id }, data: { updatedAt: now } })
  if (!row) return { result: undefined, events: [] }
  const moved = await movedWith(transaction, { providerId: id }, true)
  await transaction.workloadProvider.delete({ where: { id } })
  const details = { name: row.name, platform: row.platform, issuer: row.issuer }
  return { result: row, events: [{ action: 'workload_provider.deleted', target: targetOf(id), details }], moved }
}

const targetOf = (id: string) => ({ type: 'workload_provider', id })

/** Switching it off or on is told apart from other changes, and both may come at once. */
function eventsOf(before: ProviderRow, after: ProviderRow) {
  const changed = changedColumns(before, after).filter((name) => name !== 'disabledAt')
  const target = targetOf(after.id)
  const details = { name: after.name }
  const switched = (before.disabledAt === null) !== (after.disabledAt === null)
  const action = after.disabledAt ? 'workload_provider.disabled' : 'workload_provider.enabled'
  return [
    ...(changed.length ? [{ action: 'workload_provider.changed', target, details: { ...details, changed } }] : []),
    ...(switched ? [{ action, target, details }] : []),
  ]
}

const columnsOf = <Settings extends Partial<ProviderSettings>>({ audiences, keys, ...same }: Settings) => ({
  ...same,
  ...(audiences && { audiences: [...audiences] }),
  ...(keys && keysColumns(keys)),
})

function losesTrust(before: WorkloadProvider, after: WorkloadProvider): boolean {
  const isLess = (old: readonly unknown[], now: readonly unknown[]) => old.some((each) => !now.includes(each))
  // No audience means our issuer: from none to any, or back, is another one.
  const audiences =
    isLess(before.audiences, after.audiences) || (!before.audiences.length && after.audiences.length > 0)
  return audiences || isLess(trustedIn(before), trustedIn(after))
}

/** What its keys come from: an address, or each of those uploaded. */
function trustedIn({ keys }: WorkloadProvider): readonly string[] {
  if (keys.by === 'uploaded') return keys.jwks.keys.map((key) => JSON.stringify(key))
  return [keys.by === 'jwks_uri' ? keys.uri : keys.by]
}
