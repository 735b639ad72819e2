import { ApiError } from '../../http/problem.ts'
import { scopesOfPersonAt } from '../../oauth/resource-indicator.ts'
import type { ScopedTransaction } from '../../tenancy/scoped-database.ts'
import type { MemberRole } from '../../tenancy/scopes.ts'
import type { Caller } from '../caller.ts'
import type { OperationNeeds } from '../operation.ts'
import { refuseStrongerRole } from '../power.ts'

/**
 * Owners are made, changed and removed by owners in person, and by keys that have everything. Asked in the transaction
 * of the change: of two owners who demote each other at once, the second is none any more.
 * @throws {ApiError} insufficient_scope
 */
export async function refuseOwnership(
  transaction: Pick<ScopedTransaction, 'member'>,
  { hasEverything, person }: Caller,
  roles: readonly (string | undefined)[],
): Promise<void> {
  if (!roles.includes('owner') || hasEverything) return
  const self = person && (await transaction.member.findFirst({ where: { id: person.id } }))
  if (self?.role === 'owner') return
  throw new ApiError('insufficient_scope', { detail: 'only an owner in person, or a key with full access, does that' })
}

/** Nobody makes another more than they are. @throws {ApiError} insufficient_scope */
export async function refuseGiving(
  transaction: Pick<ScopedTransaction, 'member'>,
  caller: Caller,
  role: MemberRole,
  { issuer }: Pick<OperationNeeds, 'issuer'>,
): Promise<void> {
  refuseStrongerRole(caller, issuer, (resource) => scopesOfPersonAt(resource, role))
  await refuseOwnership(transaction, caller, [role])
}

export const lastOwner = () => new ApiError('conflict', { detail: 'a tenant keeps at least one owner' })
