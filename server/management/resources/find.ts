import { ApiError } from '../../http/problem.ts'
import type { ResourceRow } from '../../tenancy/resources.ts'
import type { ScopedTransaction } from '../../tenancy/scoped-database.ts'

/** Of those that the tenant registered: the default one has a name of its own. @throws {ApiError} not_found */
export async function findResource(
  { resource }: Pick<ScopedTransaction, 'resource'>,
  id: string,
  issuer: string,
): Promise<ResourceRow> {
  const row = await resource.findFirst({ where: { id, identifier: { not: issuer } } })
  if (!row) throw new ApiError('not_found')
  return row
}
