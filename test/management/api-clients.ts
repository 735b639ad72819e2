import type { Caller } from '../start.ts'

let made = 0

/** An id and a secret as an admin might choose them, each time others. */
export const chosen = (more: object = {}) => {
  made++
  return {
    client_id: `Client No. ${made} of ${process.pid}`,
    client_secret: `S3cret-${made}!`,
    permission: 'edit',
    ...more,
  }
}

/** Creates one; the record and what it authenticates with. */
export async function addApiClient(at: Caller, by: string, more: object = {}) {
  const body = { ...chosen(), ...more }
  const response = await at.api('POST', '/v1/api-clients', by, body)
  if (response.status !== 201) throw new Error(`${response.status}: ${response.text}`)
  return { ...response.body, client_secret: body.client_secret } as ApiClient
}

export interface ApiClient {
  readonly id: string
  readonly client_id: string
  readonly client_secret: string
  readonly token_validity: number
  readonly status: 'active' | 'inactive'
  readonly permission: 'edit' | 'read'
}

/** By the body, where nothing needs an encoding. */
export const tokenFor = (
  at: Caller,
  { client_id, client_secret }: Pick<ApiClient, 'client_id' | 'client_secret'>,
  more = {},
) => at.form('/oauth/token', { grant_type: 'client_credentials', client_id, client_secret, ...more })
