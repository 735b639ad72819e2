import type { ApiClientRow } from '../../credentials/api-clients.ts'
import type { ApiClientPermission, Client } from '../../credentials/client.ts'
import { isRead, managementApiOf } from '../../oauth/resource-indicator.ts'
import type { Caller } from '../caller.ts'
import type { OperationNeeds } from '../operation.ts'
import { refuseMorePower, withinPower } from '../power.ts'

/**
 * `edit` is all that there is at the management API, `read` all of it that reads: whoever gives it must hold that. The
 * tenant's other resources, and what is added later, come with it only from who has them.
 * @throws {ApiError} insufficient_scope
 */
export function scopesGiven(
  caller: Caller,
  permission: ApiClientPermission,
  { tenant, issuer }: Pick<OperationNeeds, 'tenant' | 'issuer'>,
): Client['scopes'] {
  const { scopes } = managementApiOf(tenant, issuer)
  const given = withinPower(caller, permission === 'read' ? scopes.filter(isRead) : scopes)
  return caller.hasEverything ? 'all' : given
}

/**
 * Whoever sets a client's secret or makes one like it can be it: so it must have no more than they have.
 * @throws {ApiError} insufficient_scope
 */
export const refuseStrongerClient = (caller: Caller, { client }: ApiClientRow): void =>
  refuseMorePower(caller, client.allScopes ? 'all' : client.scopes)
