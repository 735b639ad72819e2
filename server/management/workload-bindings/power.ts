import type { ServiceUserRole } from '../../credentials/client.ts'
import { scopesOfRole } from '../../tenancy/scopes.ts'
import type { Caller } from '../caller.ts'
import { refuseMorePower, withinPower } from '../power.ts'

interface Bound {
  readonly allScopes: boolean
  readonly scopes: readonly string[]
  readonly serviceUser: { readonly role: string | null }
}

/**
 * A binding hands out a service user: whoever makes one must have all that the service user has.
 * @throws {ApiError} insufficient_scope
 */
export const refuseStrongerServiceUser = (caller: Caller, { role }: Bound['serviceUser']): void =>
  void withinPower(caller, scopesOfRole(role as ServiceUserRole))

/**
 * Whoever says which workloads a binding takes can have all that it gives.
 * @throws {ApiError} insufficient_scope
 */
export function refuseStrongerBinding(caller: Caller, { serviceUser, allScopes, scopes }: Bound): void {
  refuseStrongerServiceUser(caller, serviceUser)
  refuseMorePower(caller, allScopes ? 'all' : scopes)
}
