import type { Outcome } from '../audit/change.ts'
import type { ScopedTransaction, TenantScope } from '../tenancy/scoped-database.ts'
import type { Client } from './client.ts'
import { clientColumns } from './client-columns.ts'
import type { Digests } from './digest.ts'
import { newClientRef, newPersonalAccessToken, newPublicId, newRecordId } from './format.ts'

export interface NewPersonalAccessToken {
  readonly memberId: string
  readonly name: string
  /** `all`: whatever its person has, now and later. */
  readonly scopes: Client['scopes']
  readonly expiresAt: Date | null
}

type ClientRow = Awaited<ReturnType<ScopedTransaction['client']['findFirstOrThrow']>>

export interface IssuedPersonalAccessToken {
  readonly row: ClientRow
  /** The only time that it exists outside its holder. */
  readonly personalAccessToken: string
}

/** Its standing names the person, and moves when they gain or lose power. Undefined if they are no member any more. */
export async function issuePersonalAccessToken(
  transaction: ScopedTransaction,
  scope: TenantScope,
  digests: Pick<Digests, 'digest'>,
  { memberId, name, scopes, expiresAt }: NewPersonalAccessToken,
  now: Date,
): Promise<Outcome<IssuedPersonalAccessToken | undefined>> {
  if (!(await transaction.member.count({ where: { id: memberId } }))) return { result: undefined, events: [] }
  const id = newRecordId('pat')
  const publicId = newPublicId()
  const ref = newClientRef()
  const personalAccessToken = newPersonalAccessToken(scope.mode, publicId)
  const made = { createdBy: memberId, createdAt: now }
  await transaction.standing.create({ data: { ...scope, ref, kind: 'client', memberId } })
  const row = await transaction.client.create({
    data: {
      ...{ ...scope, ...made, ...clientColumns({ scopes }), id, publicId, ref, kind: 'personal', memberId },
      ...{ name, expiresAt, updatedAt: now },
    },
  })
  const secret = { ...digests.digest(personalAccessToken), id: newRecordId('sec'), clientId: id }
  await transaction.secret.create({ data: { ...scope, ...made, ...secret } })
  const details = { name, member_id: memberId, scopes: scopes === 'all' ? 'all' : scopes }
  const event = { action: 'personal_access_token.created', target: { type: 'personal_access_token', id }, details }
  return { result: { row, personalAccessToken }, events: [event] }
}

/** For good. Undefined if this person has no such token; repeated, it moves the standing once more: see `revokeKey`. */
export async function revokePersonalAccessToken(
  transaction: ScopedTransaction,
  { id, memberId }: { readonly id: string; readonly memberId: string },
  now: Date,
): Promise<Outcome<ClientRow | undefined>> {
  const row = await transaction.client.findFirst({ where: { id, memberId, kind: 'personal' } })
  if (!row) return { result: undefined, events: [] }
  const moved = [{ ref: row.ref, kill: true }]
  if (row.revokedAt) return { result: row, events: [], moved }
  const revoked = await transaction.client.update({ where: { id }, data: { revokedAt: now, updatedAt: now } })
  const target = { type: 'personal_access_token', id }
  const details = { name: row.name, member_id: memberId }
  return { result: revoked, events: [{ action: 'personal_access_token.revoked', target, details }], moved }
}
