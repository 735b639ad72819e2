import type { Caller } from '../caller.ts'
import type { OperationNeeds } from '../operation.ts'
import { refuseMorePower } from '../power.ts'
import { refuseStrongerUser } from '../service-users/find.ts'

interface Bound {
  readonly allScopes: boolean
  readonly scopes: readonly string[]
  readonly serviceUser: { readonly role: string | null }
}

/**
 * Whoever says which workloads a binding takes can have all that it gives.
 * @throws {ApiError} insufficient_scope
 */
export function refuseStrongerBinding(
  caller: Caller,
  { serviceUser, allScopes, scopes }: Bound,
  needs: Pick<OperationNeeds, 'issuer'>,
): void {
  refuseStrongerUser(caller, serviceUser, needs)
  refuseMorePower(caller, allScopes ? 'all' : scopes)
}
