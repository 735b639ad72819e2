import type { Outcome } from '../audit/change.ts'
import { changedColumns } from '../credentials/client-columns.ts'
import { newClientRef, newRecordId } from '../credentials/format.ts'
import type { ScopedTransaction, TenantScope } from '../tenancy/scoped-database.ts'
import type { WorkloadBinding } from './model.ts'
import { movedWith } from './movements.ts'
import { type BindingRow, conditionsColumn } from './records.ts'

/** What can be changed later. Whose workloads become whom is what a binding is. */
export interface BindingSettings extends Pick<WorkloadBinding, 'conditions' | 'scopes'> {
  readonly name: string | null
  /** Seconds; null: as long as any token. */
  readonly tokenValidity: number | null
}

export interface NewBinding extends BindingSettings {
  readonly providerId: string
  readonly serviceUserId: string
  readonly createdBy: string
}

/** Undefined if the provider or the service user isn't there. */
export async function createBinding(
  transaction: ScopedTransaction,
  scope: TenantScope,
  { providerId, serviceUserId, createdBy, ...settings }: NewBinding,
  now: Date,
): Promise<Outcome<BindingRow | undefined>> {
  // Locks it: whoever ends the provider at the same time must find this binding, to end what it has minted.
  const { count } = await transaction.workloadProvider.updateMany({
    where: { id: providerId },
    data: { updatedAt: now },
  })
  const user = await transaction.client.findFirst({ where: { id: serviceUserId, kind: 'service_user' } })
  if (!count || !user) return { result: undefined, events: [] }
  const id = newRecordId('bind')
  const ref = newClientRef()
  await transaction.standing.create({ data: { ...scope, ref, kind: 'binding' } })
  const identity = { ...scope, id, ref, providerId, serviceUserId, createdBy, createdAt: now, updatedAt: now }
  const data = { ...identity, ...columnsOf(settings), conditions: conditionsColumn(settings.conditions) }
  const row = await transaction.workloadBinding.create({ data })
  const event = { action: 'workload_binding.created', target: targetOf(id), details: detailsOf(row) }
  return { result: row, events: [event], moved: [{ ref: user.ref, kill: false }] }
}

/** What isn't there stays as it is. */
export interface BindingChanges extends Partial<BindingSettings> {
  readonly disabled?: boolean
}

/** Undefined if there is no such binding. What it lets in no more, or gives no more, takes what was minted along. */
export async function updateBinding(
  transaction: ScopedTransaction,
  id: string,
  { disabled, ...settings }: BindingChanges,
  now: Date,
): Promise<Outcome<BindingRow | undefined>> {
  const before = await transaction.workloadBinding.findFirst({ where: { id } })
  if (!before) return { result: undefined, events: [] }
  const disabledAt = disabled === undefined ? before.disabledAt : disabled ? (before.disabledAt ?? now) : null
  const data = { ...columnsOf(settings), disabledAt, updatedAt: now }
  const after = await transaction.workloadBinding.update({ where: { id }, data })
  const events = eventsOf(before, after)
  const kill = disabled === true || losesScopes(before, after) || changedColumns(before, after).includes('conditions')
  return { result: after, events, moved: await movedWith(transaction, { id }, kill) }
}

/** With what it has minted. Undefined if there is no such binding. */
export async function deleteBinding(
  transaction: ScopedTransaction,
  id: string,
): Promise<Outcome<BindingRow | undefined>> {
  const row = await transaction.workloadBinding.findFirst({ where: { id } })
  if (!row) return { result: undefined, events: [] }
  const moved = await movedWith(transaction, { id }, true)
  await transaction.workloadBinding.delete({ where: { id } })
  const event = { action: 'workload_binding.deleted', target: targetOf(id), details: detailsOf(row) }
  return { result: row, events: [event], moved }
}

const targetOf = (id: string) => ({ type: 'workload_binding', id })

const detailsOf = ({ name, providerId, serviceUserId }: BindingRow) => ({
  ...(name !== null && { name }),
  provider_id: providerId,
  service_user_id: serviceUserId,
})

/** Switching it off or on is told apart from other changes, and both may come at once. */
function eventsOf(before: BindingRow, after: BindingRow) {
  const changed = changedColumns(before, after).filter((name) => name !== 'disabledAt')
  const target = targetOf(after.id)
  const details = detailsOf(after)
  const switched = (before.disabledAt === null) !== (after.disabledAt === null)
  const action = after.disabledAt ? 'workload_binding.disabled' : 'workload_binding.enabled'
  return [
    ...(changed.length ? [{ action: 'workload_binding.changed', target, details: { ...details, changed } }] : []),
    ...(switched ? [{ action, target, details }] : []),
  ]
}

const columnsOf = ({ conditions, scopes, ...same }: Partial<BindingSettings>) => ({
  ...same,
  ...(conditions && { conditions: conditionsColumn(conditions) }),
  ...(scopes !== undefined && { allScopes: scopes === 'all', scopes: scopes === 'all' ? [] : [...scopes] }),
})

type Scoped = Pick<BindingRow, 'allScopes' | 'scopes'>

const losesScopes = (before: Scoped, after: Scoped): boolean =>
  !after.allScopes && (before.allScopes || before.scopes.some((scope) => !after.scopes.includes(scope)))
