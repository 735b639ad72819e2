import { missingOf } from '../capabilities.ts'
import type { Context } from '../context.ts'
import { Blocked, describe, NotOffered } from '../judge.ts'
import { bySecret, type Credentials } from './client.ts'
import type { Answer, Form } from './http.ts'

type Headers = Readonly<Record<string, string>>

/** A form to one of the server's endpoints, as this client. */
export const post = (
  { send, url }: Pick<Context, 'send' | 'url'>,
  endpoint: string,
  form: Form,
  { headers, form: own }: Credentials = { headers: {}, form: {} },
  more: Headers = {},
): Promise<Answer> => send({ url: url(endpoint), form: { ...own, ...form }, headers: { ...headers, ...more } })

export const requestToken = (context: Context, form: Form, credentials?: Credentials, headers?: Headers) =>
  post(context, 'token_endpoint', form, credentials, headers)

/** client_credentials of the profile's `client`, with these parameters. */
export const requestOwnToken = (context: Context, form: Form = {}, headers?: Headers): Promise<Answer> =>
  requestToken(context, { grant_type: 'client_credentials', ...form }, bySecret(context.the('client')), headers)

/** The same, where a token is what the check starts from. */
export const mint = async (context: Context, form: Form = {}): Promise<string> =>
  tokenIn(await requestOwnToken(context, form))

export function tokenIn(answer: Answer, member = 'access_token'): string {
  const token = answer.body[member]
  if (answer.status !== 200 || typeof token !== 'string') throw new Blocked(`no ${member}: ${describe(answer)}`)
  return token
}

export const introspect = (context: Context, token: string, form: Form = {}, headers?: Headers): Promise<Answer> =>
  post(context, 'introspection_endpoint', { token, ...form }, bySecret(context.the('introspection_client')), headers)

export const revoke = (context: Context, token: string, form: Form = {}, credentials?: Credentials): Promise<Answer> =>
  post(context, 'revocation_endpoint', { token, ...form }, credentials ?? bySecret(context.the('client')))

/** A request to the protected resource, with this Authorization header. */
export const callResource = ({ the, send }: Context, authorization?: string, headers: Headers = {}): Promise<Answer> =>
  send({ url: the('protected_resource').url, headers: { ...(authorization && { authorization }), ...headers } })

/** The same token but for one character in the middle, where no encoding has bits that don't count. */
export const altered = (token: string): string => {
  const middle = Math.floor(token.length / 2)
  return `${token.slice(0, middle)}${token[middle] === 'A' ? 'B' : 'A'}${token.slice(middle + 1)}`
}

/** A token of `client` that the protected resource takes. */
export const mintForResource = (context: Context): Promise<string> => mint(context, resourceForm(context))

export const resourceForm = ({ the }: Context): Form => {
  const { scope, identifier } = the('protected_resource')
  return { scope: scope.join(' ') || undefined, resource: identifier }
}

/** Whether a token is good now, as whoever accepts tokens would find out. */
export async function isLive(context: Context, token: string): Promise<boolean> {
  const { profile, metadata } = context
  if (!missingOf(['introspection'], profile, metadata)) return (await introspect(context, token)).body.active === true
  if (!profile.protected_resource) throw new NotOffered('neither introspection nor a protected resource')
  return (await callResource(context, `Bearer ${token}`)).status < 400
}
