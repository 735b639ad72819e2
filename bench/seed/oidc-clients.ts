import { randomBytes } from 'node:crypto'
import { basic } from './stores.ts'

export interface OidcClient {
  readonly metadata: { readonly client_id: string; readonly client_secret: string; readonly redirect_uris: string[] }
  readonly headers: { readonly Authorization: string }
}

/** For oidc-provider, as its configuration lists them. */
export const oidcClients = (count: number): OidcClient[] =>
  Array.from({ length: count }, (_, at) => {
    const [id, secret] = [`client-${at}`, randomBytes(32).toString('hex')]
    return { metadata: { client_id: id, client_secret: secret, redirect_uris: [] }, headers: basic(id, secret) }
  })
