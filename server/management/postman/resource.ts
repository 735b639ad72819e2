import type { Operation } from '../operation.ts'

type Route = Pick<Operation, 'method' | 'path'>

/** `service-users` of `/v1/service-users/:id`; what is made below another (`…/:id/tokens`) is a resource of its own. */
export function resourceOf({ path }: Pick<Route, 'path'>, operations: readonly Route[]): string {
  const [own = '', , below] = segmentsOf(path)
  if (below === undefined) return own
  const all = operations.map(ownerOf)
  const isListed = operations.some((other) => other.method === 'GET' && other.path === path)
  // `tokens` of service users are found under `service-tokens`, each by its own id; `change-status` is a verb.
  return all.find((name) => name.endsWith(`-${below}`)) ?? (below.endsWith('s') && isListed ? below : own)
}

/** What takes a record away comes after all that is below it, and so at the end of their folder. */
export function folderNameOf(operation: Operation, operations: readonly Operation[]): string {
  const own = resourceOf(operation, operations)
  if (operation.method !== 'DELETE') return own
  const below = operations.flatMap((other) =>
    other.path.startsWith(`${operation.path}/`) ? resourceOf(other, operations) : [],
  )
  return below.findLast((resource) => resource !== own) ?? own
}

/** Makes a record whose id others need. */
export const isCreation = ({ method, status }: Operation): boolean => method === 'POST' && status === 201

/** The collection's variable with the id of the last one made: `service_user_id`. */
export const idVariableOf = (resource: string): string => `${resource.replace(/s$/, '').replaceAll('-', '_')}_id`

/** Where the id of what it makes is kept; of what is made like another of its kind, apart (`api_clients_duplicate_id`). */
export function madeIdVariableOf(operation: Operation, resource: string): string {
  const isMadeLikeAnother = operation.path.includes(':id') && ownerOf(operation) === resource
  return idVariableOf(isMadeLikeAnother ? `${resource}-${operation.path.split('/').at(-1)}` : resource)
}

/** The one whose id is in the path: `service-users` in `/v1/service-users/:id/tokens`. */
export const ownerOf = ({ path }: Pick<Route, 'path'>): string => segmentsOf(path)[0] ?? ''

/** After `/v1/`. Invitations stand where a member's id does, and are no member. */
const segmentsOf = (path: string): string[] => path.replace('/members/invitations', '/invitations').split('/').slice(2)
