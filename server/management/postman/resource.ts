import type { Operation } from '../operation.ts'

type Route = Pick<Operation, 'path'>

/** `service-users` of `/v1/service-users/:id`; what is made below another (`…/:id/tokens`) is a resource of its own. */
export function resourceOf({ path }: Route, operations: readonly Route[]): string {
  const [, , own = '', , below] = path.split('/')
  if (below === undefined) return own
  const all = operations.map((other) => other.path.split('/')[2] ?? '')
  // `tokens` of service users are found under `service-tokens`, each by its own id; `rotate-secret` is a verb.
  return all.find((name) => name.endsWith(`-${below}`)) ?? (below.endsWith('s') ? below : own)
}

/** What takes a record away comes after all that is made below it, and so at the end of their folder. */
export function folderNameOf(operation: Operation, operations: readonly Operation[]): string {
  const own = resourceOf(operation, operations)
  if (operation.method !== 'DELETE') return own
  const below = operations.filter((other) => isCreation(other) && other.path.startsWith(`${operation.path}/`)).at(-1)
  return below ? resourceOf(below, operations) : own
}

/** Makes a record whose id others need. */
export const isCreation = ({ method, status }: Operation): boolean => method === 'POST' && status === 201

/** The collection's variable with the id of the last one made: `service_user_id`. */
export const idVariableOf = (resource: string): string => `${resource.replace(/s$/, '').replaceAll('-', '_')}_id`

/** The one whose id is in the path: `service-users` in `/v1/service-users/:id/tokens`. */
export const ownerOf = ({ path }: Route): string => path.split('/')[2] ?? ''
