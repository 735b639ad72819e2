import type { ServiceUserRole } from '../credentials/client.ts'

const READ_AND_WRITE = [
  'api-clients',
  'api-keys',
  'apps',
  'members',
  'personal-access-tokens',
  'resources',
  'service-users',
  'signing-keys',
  'teams',
  'tenant',
  'webhooks',
  'workload-providers',
] as const

/** The scopes of the management API, each tenant's default resource. Sorted: answers list them in this order. */
export const BUILT_IN_SCOPES: readonly string[] = [
  ...READ_AND_WRITE.flatMap((resource) => [`${resource}:read`, `${resource}:write`]),
  'audit-logs:read',
  'tokens:introspect',
].sort()

/** What only an admin may change: who has access, and to what. */
const ADMIN_ONLY: readonly string[] = [
  'api-keys:write',
  'api-clients:write',
  'members:write',
  'service-users:write',
  'signing-keys:write',
  'tenant:write',
  'webhooks:write',
]

const ROLE_SCOPES: Record<ServiceUserRole, readonly string[]> = {
  viewer: BUILT_IN_SCOPES.filter((scope) => scope.endsWith(':read')),
  editor: BUILT_IN_SCOPES.filter((scope) => !ADMIN_ONLY.includes(scope)),
  admin: BUILT_IN_SCOPES,
}

/** A service token inherits its service user's role. */
export const scopesOfRole = (role: ServiceUserRole): readonly string[] => ROLE_SCOPES[role]

/** Scopes are `resource:action`; letters of RFC 6749 §3.3 that are safe in every place a scope is shown. */
export const SCOPE_FORM = /^[a-z0-9][a-z0-9._-]{0,63}:[a-z0-9][a-z0-9._-]{0,63}$/

/** People of a tenant. Owners and admins differ in what they may do to each other, not in scopes. */
export const MEMBER_ROLES = ['owner', 'admin', 'member'] as const
export type MemberRole = (typeof MEMBER_ROLES)[number]

/** What a person may do at the management API, and so the most that an app may do in their name. */
export const scopesOfMember = (role: MemberRole): readonly string[] =>
  scopesOfRole(role === 'member' ? 'editor' : 'admin')
