import type { Client } from '../credentials/client.ts'
import { type Consent, OPENID } from '../people/consent.ts'
import type { Resource } from '../tenancy/tenant.ts'
import { scopesAt, scopesOfPersonAt } from './resource-indicator.ts'

/** OpenID Connect Core 1.0 §5.4, as far as there is something to tell; `offline_access`: see docs/refresh-tokens.md. */
export const OPENID_SCOPES: readonly string[] = ['openid', 'email', 'offline_access']

export const isOpenIdScope = (scope: string): boolean => OPENID_SCOPES.includes(scope)

/** The most that an app may do for a person at a resource now: what both have, and the person allowed. */
export function delegatedScopes(resource: Resource, client: Client, consent: Consent): readonly string[] {
  const allowed = consent.scopes[resource.identifier] ?? []
  const power = scopesOfPersonAt(resource, consent.memberRole)
  const ofClient = scopesAt(resource, client)
  const atResource = resource.scopes.filter(
    (scope) => allowed.includes(scope) && power.includes(scope) && ofClient.includes(scope),
  )
  return [...(consent.scopes[OPENID] ?? []), ...atResource]
}
