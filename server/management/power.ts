import { ApiError } from '../http/problem.ts'
import { resourcesOf, scopesAt } from '../oauth/resource-indicator.ts'
import type { Resource } from '../tenancy/tenant.ts'
import type { Caller } from './caller.ts'

/**
 * The one rule about power: no credential creates or changes another beyond its own. It gives what it names, as far as
 * it holds that itself; where nothing is named, it gives all that it holds.
 * @throws {ApiError} insufficient_scope, naming what was beyond.
 */
export function withinPower(caller: Caller, wanted: readonly string[] | undefined): 'all' | readonly string[] {
  if (caller.hasEverything) return wanted ?? 'all'
  refuseBeyond(caller.scopes, wanted)
  return wanted ?? [...caller.scopes]
}

/**
 * The same for what is there already: who changes it must hold what it holds.
 * @throws {ApiError} insufficient_scope
 */
export function refuseMorePower(caller: Caller, held: 'all' | readonly string[]): void {
  if (held !== 'all') withinPower(caller, held)
  else if (!caller.hasEverything) {
    throw new ApiError('insufficient_scope', { detail: 'it has full access, which only full access may change' })
  }
}

/**
 * The same for a role, which is worth something at each of the tenant's resources. Of the management API's scopes the
 * caller must hold them; what is for this API says nothing of the others: there its client must.
 * @param worth what the role gives at a resource
 * @throws {ApiError} insufficient_scope, naming what was beyond.
 */
export function refuseStrongerRole(
  caller: Caller,
  issuer: string,
  worth: (resource: Resource) => readonly string[],
): void {
  if (caller.hasEverything) return
  for (const resource of resourcesOf(caller.tenant, issuer)) {
    const isHere = resource.identifier === issuer
    refuseBeyond(isHere ? caller.scopes : new Set(scopesAt(resource, caller.client)), worth(resource))
  }
}

function refuseBeyond(held: ReadonlySet<string>, wanted: readonly string[] | undefined): void {
  const beyond = wanted?.find((scope) => !held.has(scope))
  if (beyond === undefined) return
  throw new ApiError('insufficient_scope', { scope: beyond, detail: 'a credential gives only what it holds' })
}
