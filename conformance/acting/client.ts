import { randomUUID } from 'node:crypto'
import type { Context } from '../context.ts'
import type { KeyClient, SecretClient } from '../profile.ts'
import type { Form } from './http.ts'
import { type Claims, privateKeyOf, seconds, sign } from './jwt.ts'

/** How a client says who it is, in the parts of a request. */
export interface Credentials {
  readonly headers: Readonly<Record<string, string>>
  readonly form: Form
}

const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

/** RFC 6749 appendix B, and then RFC 7617. */
export const basic = (clientId: string, clientSecret: string): string =>
  `Basic ${Buffer.from(`${formEncoded(clientId)}:${formEncoded(clientSecret)}`).toString('base64')}`

const formEncoded = (text: string): string => new URLSearchParams({ '': text }).toString().slice(1)

export const byBasic = ({ client_id, client_secret }: SecretClient): Credentials => ({
  headers: { authorization: basic(client_id, client_secret) },
  form: {},
})

export const byPost = ({ client_id, client_secret }: SecretClient): Credentials => ({
  headers: {},
  form: { client_id, client_secret },
})

/** RFC 6749 §2.1: a public client can only say its name. */
export const byName = ({ client_id }: { client_id: string }): Credentials => ({ headers: {}, form: { client_id } })

/** By the first of its methods. */
export const bySecret = (client: SecretClient): Credentials =>
  client.methods[0] === 'client_secret_post' ? byPost(client) : byBasic(client)

export const withWrongSecret = (client: SecretClient): SecretClient => ({
  ...client,
  client_secret: `${client.client_secret.slice(0, -4)}${client.client_secret.endsWith('x') ? 'yyyy' : 'xxxx'}`,
})

/** RFC 7523 §3, with the claims changed as given. */
export async function assertionOf(context: Context, client: KeyClient, claims: Claims = {}): Promise<string> {
  const key = await privateKeyOf(client.private_jwk, client.alg)
  return sign({ ...assertionClaims(context, client), ...claims }, headerOf(client), key)
}

export const assertionClaims = ({ issuer }: Context, { client_id, audience = issuer }: KeyClient): Claims => ({
  ...{ iss: client_id, sub: client_id, aud: audience, jti: randomUUID() },
  ...{ iat: seconds(), exp: seconds() + 60 },
})

export const headerOf = ({ alg, private_jwk: { kid } }: KeyClient): Claims => ({ alg, typ: 'JWT', kid })

/** RFC 7523 §2.2. */
export const byAssertion = (client_assertion: string): Credentials => ({
  headers: {},
  form: { client_assertion, client_assertion_type: ASSERTION_TYPE },
})
