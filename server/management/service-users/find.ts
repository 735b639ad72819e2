import type { ServiceUserRole } from '../../credentials/client.ts'
import { ApiError } from '../../http/problem.ts'
import { scopesOfRoleAt } from '../../oauth/resource-indicator.ts'
import type { ScopedTransaction } from '../../tenancy/scoped-database.ts'
import type { Caller } from '../caller.ts'
import type { OperationNeeds } from '../operation.ts'
import { refuseStrongerRole } from '../power.ts'

/** @throws {ApiError} not_found */
export async function findServiceUser({ client }: Pick<ScopedTransaction, 'client'>, id: string) {
  const row = await client.findFirst({ where: { id, kind: 'service_user' } })
  if (!row) throw new ApiError('not_found')
  return row
}

/**
 * With a token, a key or a workload of one's own one acts as it: it must have no more than oneself.
 * @throws {ApiError} insufficient_scope
 */
export function refuseStrongerUser(
  caller: Caller,
  { role }: { readonly role: string | null },
  { issuer }: Pick<OperationNeeds, 'issuer'>,
): void {
  refuseStrongerRole(caller, issuer, (resource) => scopesOfRoleAt(resource, role as ServiceUserRole))
}

/** @throws {ApiError} validation_failed, at each that isn't there */
export async function refuseUnknownTeams({ team }: ScopedTransaction, ids: readonly string[] = []): Promise<void> {
  const rows = await team.findMany({ where: { id: { in: [...ids] } }, select: { id: true } })
  const known = new Set(rows.map(({ id }) => id))
  const fields = ids.flatMap((id, at) => (known.has(id) ? [] : [{ pointer: `/teams/${at}`, detail: 'no such team' }]))
  if (fields.length) throw new ApiError('validation_failed', { fields })
}
