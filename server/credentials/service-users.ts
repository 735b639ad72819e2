import type { Outcome } from '../audit/change.ts'
import type { AuditEvent } from '../audit/entry.ts'
import type { ScopedTransaction, TenantScope } from '../tenancy/scoped-database.ts'
import { scopesOfRole } from '../tenancy/scopes.ts'
import type { Client, ServiceUserRole } from './client.ts'
import { changedColumns, jwksColumn } from './client-columns.ts'
import { newClientRef, newPublicId } from './format.ts'

export interface ServiceUserSettings {
  readonly name: string
  readonly description: string | null
  readonly role: ServiceUserRole
  readonly teams: readonly string[]
  /** With which it may authenticate by private_key_jwt. */
  readonly jwks: NonNullable<Client['jwks']> | null
}

export interface NewServiceUser extends ServiceUserSettings {
  readonly createdBy: string
}

type ClientRow = Awaited<ReturnType<ScopedTransaction['client']['findFirstOrThrow']>>

/** A service user is tied to no human; its id is its client_id. */
export async function createServiceUser(
  transaction: ScopedTransaction,
  scope: TenantScope,
  { createdBy, ...settings }: NewServiceUser,
  now: Date,
): Promise<Outcome<ClientRow>> {
  const publicId = newPublicId()
  const id = `su_${publicId}`
  const ref = newClientRef()
  await transaction.standing.create({ data: { ...scope, ref, kind: 'client' } })
  const identity = { ...scope, id, publicId, ref, kind: 'service_user', createdBy, createdAt: now, updatedAt: now }
  const row = await transaction.client.create({ data: { ...identity, ...columnsOf(settings) } })
  const details = { name: settings.name, role: settings.role }
  const event = { action: 'service_user.created', target: { type: 'service_user', id }, details }
  return { result: row, events: [event] }
}

/** What isn't there stays as it is. */
export type ServiceUserChanges = Partial<ServiceUserSettings>

/** Undefined if there is no such service user. What it holds no more, and keys it has no more, take their tokens along. */
export async function updateServiceUser(
  transaction: ScopedTransaction,
  id: string,
  changes: ServiceUserChanges,
  now: Date,
): Promise<Outcome<ClientRow | undefined>> {
  const before = await transaction.client.findFirst({ where: { id, kind: 'service_user' } })
  if (!before) return { result: undefined, events: [] }
  const after = await transaction.client.update({ where: { id }, data: { ...columnsOf(changes), updatedAt: now } })
  const changed = changedColumns(before, after)
  const details = { name: after.name, role: after.role, changed }
  const events = changed.length
    ? [{ action: 'service_user.changed', target: { type: 'service_user', id }, details }]
    : []
  return {
    result: after,
    events,
    moved: [{ ref: before.ref, kill: losesRole(before, after) || losesKey(before, after) }],
  }
}

/**
 * Disabled, its tokens of every kind stop at once, and what was minted stays dead; what authenticates it works again once it
 * is enabled. Undefined if there is no such service user. Asked again, disabling kills again, so that a caller who never got
 * the answer can be sure.
 */
export async function switchServiceUser(
  transaction: ScopedTransaction,
  id: string,
  to: 'enabled' | 'disabled',
  now: Date,
): Promise<Outcome<ClientRow | undefined>> {
  const before = await transaction.client.findFirst({ where: { id, kind: 'service_user' } })
  if (!before) return { result: undefined, events: [] }
  const disables = to === 'disabled'
  const moved = [{ ref: before.ref, kill: disables }]
  if ((before.disabledAt !== null) === disables) return { result: before, events: [], moved }
  const row = await transaction.client.update({
    where: { id },
    data: { disabledAt: disables ? now : null, updatedAt: now },
  })
  return { result: row, events: [eventOf(to, row)], moved }
}

/** For good, with its service tokens, its bindings, and all that was minted for it. Undefined if there is no such one. */
export async function deleteServiceUser(
  transaction: ScopedTransaction,
  id: string,
): Promise<Outcome<ClientRow | undefined>> {
  const row = await transaction.client.findFirst({ where: { id, kind: 'service_user' } })
  if (!row) return { result: undefined, events: [] }
  const [tokens, bindings] = [
    await transaction.secret.findMany({ where: { clientId: id }, select: { id: true } }),
    await transaction.workloadBinding.findMany({ where: { serviceUserId: id }, select: { id: true } }),
  ]
  await transaction.client.delete({ where: { id } })
  const gone = { service_tokens: tokens.map((each) => each.id), workload_bindings: bindings.map((each) => each.id) }
  // Its standing stays, by which every node knows that its tokens are dead.
  return { result: row, events: [eventOf('deleted', row, gone)], moved: [{ ref: row.ref, kill: true }] }
}

const eventOf = (what: string, { id, name, role }: ClientRow, more: NonNullable<AuditEvent['details']> = {}) => ({
  action: `service_user.${what}`,
  target: { type: 'service_user', id },
  details: { name, role, ...more },
})

const columnsOf = <Settings extends ServiceUserChanges>({ teams, jwks, ...same }: Settings) => ({
  ...same,
  ...(teams && { teams: [...teams] }),
  ...(jwks !== undefined && jwksColumn(jwks)),
})

function losesRole(before: Pick<ClientRow, 'role'>, after: Pick<ClientRow, 'role'>): boolean {
  const now = scopesOfRole(after.role as ServiceUserRole)
  return scopesOfRole(before.role as ServiceUserRole).some((scope) => !now.includes(scope))
}

/** A key that is taken away may have been stolen: nobody removes one that is in order for no reason. */
function losesKey(before: Pick<ClientRow, 'jwks'>, after: Pick<ClientRow, 'jwks'>): boolean {
  const now = keysIn(after)
  return keysIn(before).some((key) => !now.includes(key))
}

/** Each by what makes it the key that it is; how it is called, and what for, may change. */
const keysIn = ({ jwks }: Pick<ClientRow, 'jwks'>): string[] =>
  ((jwks as Client['jwks'] | null)?.keys ?? []).map(({ kty, crv, x, y, n, e }) =>
    JSON.stringify([kty, crv, x, y, n, e]),
  )
