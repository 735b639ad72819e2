import type { Movement, Outcome } from '../audit/change.ts'
import type { AuditEvent } from '../audit/entry.ts'
import type { ScopedTransaction, TenantScope } from '../tenancy/scoped-database.ts'
import { freeSlot, lockSlots } from './api-client-slots.ts'
import type { ApiClientPermission, Client } from './client.ts'
import { clientColumns } from './client-columns.ts'
import { newClientRef, newPublicId, newRecordId } from './format.ts'

/** As `ChosenSecrets.hash` gives it. */
export interface HashedSecret {
  readonly hashKey: string
  readonly digest: Uint8Array<ArrayBuffer>
}

/** With its record as a client, and without its secret. */
export const WITH_CLIENT = { client: { include: { secrets: { select: { lastUsedAt: true } } } } } as const

export type ApiClientRow = NonNullable<Awaited<ReturnType<typeof findApiClient>>>

export const findApiClient = ({ apiClient }: Pick<ScopedTransaction, 'apiClient'>, id: string) =>
  apiClient.findFirst({ where: { id }, include: WITH_CLIENT })

export const statusOfApiClient = ({ slot }: Pick<ApiClientRow, 'slot'>): ApiClientStatus =>
  slot === null ? 'inactive' : 'active'

export const API_CLIENT_STATUSES = ['active', 'inactive'] as const
export type ApiClientStatus = (typeof API_CLIENT_STATUSES)[number]

export interface NewApiClient {
  readonly clientId: string
  readonly secret: HashedSecret
  readonly permission: ApiClientPermission
  /** Of which a reading one has those that read. */
  readonly scopes: Client['scopes']
  /** Seconds. */
  readonly tokenValidity: number | null
  readonly createdBy: string
  /** The id of the one that it was made like. */
  readonly duplicateOf?: string
}

/** Active if there is a place for it, else inactive. */
export async function createApiClient(
  transaction: ScopedTransaction,
  scope: TenantScope,
  { clientId, secret, permission, scopes, tokenValidity, createdBy, duplicateOf }: NewApiClient,
  now: Date,
): Promise<Outcome<ApiClientRow>> {
  await lockSlots(transaction, scope)
  const slot = (await freeSlot(transaction)) ?? null
  const id = newRecordId('client')
  const ref = newClientRef()
  const times = { createdAt: now, updatedAt: now }
  await transaction.standing.create({ data: { ...scope, ref, kind: 'client' } })
  await transaction.client.create({
    data: {
      ...{ ...scope, ...times, id, ref, publicId: newPublicId(), kind: 'api_client', name: clientId, createdBy },
      ...clientColumns({ scopes, tokenValidity }),
    },
  })
  await transaction.apiClient.create({ data: { ...scope, id, clientId, permission, slot } })
  await transaction.secret.create({
    data: { ...scope, ...secret, id: newRecordId('sec'), clientId: id, createdBy, createdAt: now },
  })
  const details = { client_id: clientId, permission, status: statusOfApiClient({ slot }) }
  const created = eventOf('created', id, { ...details, ...(duplicateOf && { duplicate_of: duplicateOf }) })
  const events = slot === null ? [created, eventOf('limit_reached', id, { client_id: clientId })] : [created]
  return { result: await required(transaction, id), events }
}

/** What isn't there stays as it is. */
export interface ApiClientChanges {
  readonly clientId?: string | undefined
  readonly secret?: HashedSecret | undefined
  readonly permission?: ApiClientPermission | undefined
  /** Where the permission rises: what it then has. */
  readonly scopes?: Client['scopes'] | undefined
  readonly tokenValidity?: number | undefined
  readonly status?: ApiClientStatus | undefined
}

/**
 * @param decide says what to change, of what is there while nobody else changes it. What it throws undoes all.
 * @returns undefined if there is no such client; `full` if it would be active and there is no place: then nothing changed
 */
export async function updateApiClient(
  transaction: ScopedTransaction,
  scope: TenantScope,
  id: string,
  decide: (before: ApiClientRow) => ApiClientChanges,
  now: Date,
): Promise<Outcome<ApiClientRow | 'full' | undefined>> {
  await lockSlots(transaction, scope)
  const before = await findApiClient(transaction, id)
  if (!before) return { result: undefined, events: [] }
  const wanted = decide(before)
  const activates = wanted.status === 'active' && before.slot === null
  const slot = activates ? await freeSlot(transaction) : null
  if (slot === undefined) {
    return { result: 'full', events: [eventOf('limit_reached', id, { client_id: before.clientId })] }
  }
  const changed = changesOf(before, wanted)
  const moved = [movementOf(before, wanted, changed)]
  if (!changed.length) return { result: before, events: [], moved }
  await write(transaction, before, wanted, slot, now)
  const after = await required(transaction, id)
  return { result: after, events: eventsOf(after, changed), moved }
}

type Changed = 'client_id' | 'client_secret' | 'permission' | 'token_validity' | 'status'

/** By the names that the API has for them. */
function changesOf(before: ApiClientRow, wanted: ApiClientChanges): Changed[] {
  const differs = <T>(value: T | undefined, from: T) => value !== undefined && value !== from
  return [
    ...(differs(wanted.clientId, before.clientId) ? ['client_id' as const] : []),
    ...(wanted.secret ? ['client_secret' as const] : []),
    ...(differs<string>(wanted.permission, before.permission) ? ['permission' as const] : []),
    ...(differs(wanted.tokenValidity, before.client.tokenValidity ?? undefined) ? ['token_validity' as const] : []),
    ...(differs(wanted.status, statusOfApiClient(before)) ? ['status' as const] : []),
  ]
}

/**
 * Tokens die with what they rested on: the id and secret by which they were had, a permission that was more, the place.
 * Asked again, deactivating kills again: a caller who never got the answer can be sure.
 */
const movementOf = ({ client }: ApiClientRow, wanted: ApiClientChanges, changed: readonly Changed[]): Movement => ({
  ref: client.ref,
  kill:
    wanted.status === 'inactive' ||
    changed.some((name) => name === 'client_id' || name === 'client_secret') ||
    (changed.includes('permission') && wanted.permission === 'read'),
})

async function write(
  transaction: ScopedTransaction,
  before: ApiClientRow,
  { clientId, secret, permission, scopes, tokenValidity, status }: ApiClientChanges,
  slot: number | null,
  now: Date,
): Promise<void> {
  const { id } = before
  const keepsSlot = status === undefined || status === statusOfApiClient(before)
  const own = { ...(clientId && { clientId }), ...(permission && { permission }), ...(!keepsSlot && { slot }) }
  const asClient = {
    ...(scopes && { scopes }),
    ...(clientId && { name: clientId }),
    ...(tokenValidity && { tokenValidity }),
  }
  await transaction.apiClient.update({ where: { id }, data: own })
  await transaction.client.update({
    where: { id },
    data: { ...clientColumns(asClient), updatedAt: now },
  })
  if (secret)
    await transaction.secret.updateMany({
      where: { clientId: id },
      data: { ...secret, createdAt: now, revokedAt: null, leakedAt: null },
    })
}

function eventsOf({ id, clientId, ...after }: ApiClientRow, changed: readonly Changed[]): AuditEvent[] {
  const others = changed.filter((name) => name !== 'status')
  const status = statusOfApiClient(after) === 'active' ? 'activated' : 'deactivated'
  return [
    ...(others.length ? [eventOf('changed', id, { client_id: clientId, changed: others })] : []),
    ...(changed.includes('status') ? [eventOf(status, id, { client_id: clientId })] : []),
  ]
}

/** All that it ever got; it can get new ones. Undefined if there is no such client. */
export async function invalidateTokens(
  transaction: ScopedTransaction,
  id: string,
): Promise<Outcome<ApiClientRow | undefined>> {
  const row = await findApiClient(transaction, id)
  if (!row) return { result: undefined, events: [] }
  const event = eventOf('tokens_invalidated', id, { client_id: row.clientId })
  return { result: row, events: [event], moved: [{ ref: row.client.ref, kill: true }] }
}

/**
 * All of them or none: false if one isn't there. Their ids and places are free again. Their standings stay, by which
 * every node knows that their tokens are dead.
 */
export async function deleteApiClients(
  transaction: ScopedTransaction,
  scope: TenantScope,
  ids: readonly string[],
): Promise<Outcome<boolean>> {
  await lockSlots(transaction, scope)
  const rows = await transaction.apiClient.findMany({ where: { id: { in: [...ids] } }, include: WITH_CLIENT })
  if (rows.length < new Set(ids).size) return { result: false, events: [] }
  await transaction.client.deleteMany({ where: { id: { in: rows.map(({ id }) => id) } } })
  return {
    result: true,
    events: rows.map(({ id, clientId }) => eventOf('deleted', id, { client_id: clientId })),
    moved: rows.map(({ client }) => ({ ref: client.ref, kill: true })),
  }
}

const eventOf = (what: string, id: string, details: NonNullable<AuditEvent['details']>): AuditEvent => ({
  action: `api_client.${what}`,
  target: { type: 'api_client', id },
  details,
})

async function required(transaction: ScopedTransaction, id: string): Promise<ApiClientRow> {
  const row = await findApiClient(transaction, id)
  if (!row) throw new Error('an API client that was just written is there')
  return row
}
