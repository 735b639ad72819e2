import type { Actor } from '../audit/entry.ts'
import type { Client, ClientKind } from '../credentials/client.ts'

const TYPES: { readonly [kind in ClientKind]?: Actor['type'] } = {
  service_user: 'service_user',
  app: 'app',
  api_client: 'api_client',
}

/** A client that acts for itself at an OAuth endpoint. All other kinds are keys. */
export const actorOf = ({ kind, id, name }: Pick<Client, 'kind' | 'id' | 'name'>): Actor => ({
  type: TYPES[kind] ?? 'api_key',
  id,
  name,
})
