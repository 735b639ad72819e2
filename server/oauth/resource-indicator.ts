import type { Client, ServiceUserRole } from '../credentials/client.ts'
import type { KnownClient } from '../credentials/client-registry.ts'
import { BUILT_IN_SCOPES, type MemberRole, scopesOfMember, scopesOfRole } from '../tenancy/scopes.ts'
import type { Resource, Tenant } from '../tenancy/tenant.ts'
import { fail, type Result, succeed } from './oauth-error.ts'

/**
 * RFC 8707 §2: the one resource that a token is for. Without `resource` it is the tenant's default one, the management
 * API, whose identifier is the issuer. Several different ones would make a token that each of them could use at the
 * others; the same one twice is one.
 */
export function resolveResource(
  tenant: Tenant,
  issuer: string,
  requested: string | readonly string[] | undefined,
): Result<Resource> {
  const [identifier = issuer, ...others] = new Set(typeof requested === 'string' ? [requested] : requested)
  if (others.length) return fail('invalid_target', 'a token is for exactly one resource')
  if (!isResourceUri(identifier)) {
    return fail('invalid_target', 'resource must be an absolute URI without a fragment')
  }
  const resource = resourcesOf(tenant, issuer).find((candidate) => isSameUri(candidate.identifier, identifier))
  return resource ? succeed(resource) : fail('invalid_target', 'no such resource')
}

/** RFC 3986 §2: what an absolute URI without a fragment is written in. URL classes forgive far more, NUL included. */
const ABSOLUTE_URI = /^[a-z][a-z0-9+.-]*:[\w.~:/?[\]@!$&'()*+,;=%-]+$/i

/** RFC 8707 §2: absolute, no fragment. */
export const isResourceUri = (text: string): boolean => ABSOLUTE_URI.test(text) && URL.canParse(text)

/** RFC 3986 §6.2.3: an empty path equals `/`, and URL classes add it unasked. All else must be the same to the letter. */
const isSameUri = (known: string, given: string): boolean => known === given || `${known}/` === given

/** Each tenant's default resource: the built-in scopes, and those that the tenant added to it. */
export function managementApiOf(tenant: Pick<Tenant, 'resources'>, issuer: string): Resource {
  const added = tenant.resources.find(({ identifier }) => identifier === issuer)
  return {
    identifier: issuer,
    name: added?.name ?? 'Management API',
    scopes: added ? [...new Set([...BUILT_IN_SCOPES, ...added.scopes])] : BUILT_IN_SCOPES,
    tokenValidity: added?.tokenValidity,
  }
}

export const resourcesOf = (tenant: Tenant, issuer: string): readonly Resource[] => [
  managementApiOf(tenant, issuer),
  ...tenant.resources.filter(({ identifier }) => identifier !== issuer),
]

/** What of a resource's scopes a client has: by its role if it is a service user, else by its own scopes and its person's role. */
export function scopesAt(
  resource: Resource,
  { scopes, role, person, apiClient }: Pick<Client, 'scopes' | 'role' | 'person' | 'apiClient'>,
): readonly string[] {
  if (role) return scopesOfRoleAt(resource, role)
  const most = person ? scopesOfPersonAt(resource, person.role) : resource.scopes
  const held = scopes === 'all' ? most : most.filter((scope) => scopes.includes(scope))
  return apiClient?.permission === 'read' ? held.filter(isRead) : held
}

/** What a service user has at a resource. */
export const scopesOfRoleAt = (resource: Resource, role: ServiceUserRole): readonly string[] =>
  resource.scopes.filter((scope) => isOfRole(scope, role))

/** What a person has at a resource: the built-in scopes by their role, those of the tenant's own resources all. */
export const scopesOfPersonAt = (resource: Resource, role: MemberRole): readonly string[] => {
  const builtIn = scopesOfMember(role)
  return resource.scopes.filter((scope) => !BUILT_IN_SCOPES.includes(scope) || builtIn.includes(scope))
}

export const isRead = (scope: string): boolean => scope.endsWith(':read')

/** The built-in scopes by the table of roles; of the tenant's own, a viewer has those that only read. */
const isOfRole = (scope: string, role: ServiceUserRole): boolean =>
  BUILT_IN_SCOPES.includes(scope) ? scopesOfRole(role).includes(scope) : role !== 'viewer' || isRead(scope)

/** What a client holds at the management API. */
export const managementScopes = ({ client, tenant }: KnownClient, issuer: string): readonly string[] =>
  scopesAt(managementApiOf(tenant, issuer), client)
