import { createHash, randomBytes } from 'node:crypto'
import type { Context } from '../context.ts'
import { Blocked, describe } from '../judge.ts'
import type { Browser, Landing } from './browser.ts'
import { byName } from './client.ts'
import { type Answer, encode, type Form } from './http.ts'
import { requestToken, tokenIn } from './tokens.ts'

/** An authorization request, and what is needed to redeem its code. */
export interface Requested {
  readonly form: Form
  readonly verifier: string
}

export const randomText = (): string => randomBytes(32).toString('base64url')
export const challengeOf = (verifier: string): string => createHash('sha256').update(verifier).digest('base64url')

/** RFC 6749 §4.1.1 with RFC 7636 §4.3, of the public client; a change that is undefined takes a parameter out. */
export function authorizationRequest({ the }: Context, change: Form = {}): Requested {
  const { client_id, redirect_uri, scope, parameters } = the('public_client')
  const verifier = randomText()
  const form = {
    ...{ response_type: 'code', client_id, redirect_uri, scope: scope.join(' ') || undefined, state: randomText() },
    ...{ code_challenge: challengeOf(verifier), code_challenge_method: 'S256' },
    ...parameters,
    ...change,
  }
  return { form, verifier }
}

/** Sends the browser there and back. */
export const visit = (context: Context, form: Form, browser: Browser = context.browser): Promise<Landing> =>
  browser.visit({ url: authorizationUrl(context, form) }, redirectUrisOf(context, form))

/** The same by a form that is posted. OpenID Connect Core 1.0 §3.1.2.1. */
export const visitByPost = (context: Context, form: Form): Promise<Landing> =>
  context.browser.visit({ url: context.url('authorization_endpoint'), form }, redirectUrisOf(context, form))

/** Where the browser may be sent back to: rightly, or because the request says so. */
function redirectUrisOf({ the }: Context, form: Form): string[] {
  const { redirect_uri } = the('public_client')
  return [redirect_uri, form.redirect_uri].filter((uri) => typeof uri === 'string')
}

export function authorizationUrl({ url }: Context, form: Form): string {
  const endpoint = new URL(url('authorization_endpoint'))
  for (const [name, value] of encode(form)) endpoint.searchParams.append(name, value)
  return endpoint.href
}

/** What the client is sent for a request with these changes. */
export const authorize = (context: Context, change: Form = {}): Promise<Landing> =>
  visit(context, authorizationRequest(context, change).form)

/** In words: where a visit ended. */
export function describeLanding({ response, last }: Landing): string {
  if (!response) return `stopped at a page: ${describe(last)}`
  const error = response.get('error')
  if (error === null) return `sent back with ${[...response.keys()].join(', ')}`
  return `sent back with ${error} (${response.get('error_description') ?? 'no description'})`
}

export interface Code {
  readonly code: string
  readonly verifier: string
  readonly redirectUri: string
}

export async function obtainCode(context: Context, change: Form = {}): Promise<Code> {
  const { form, verifier } = authorizationRequest(context, change)
  return codeIn(await visit(context, form), verifier, String(form.redirect_uri))
}

export function codeIn(landing: Landing, verifier: string, redirectUri: string): Code {
  const code = landing.response?.get('code')
  if (!code) throw new Blocked(`no code: ${describeLanding(landing)}`)
  return { code, verifier, redirectUri }
}

/** RFC 6749 §4.1.3, by the client whose code it is. */
export const redeem = (
  context: Context,
  { code, verifier, redirectUri }: Code,
  change: Form = {},
  headers?: Readonly<Record<string, string>>,
): Promise<Answer> => {
  const form = { grant_type: 'authorization_code', code, redirect_uri: redirectUri, code_verifier: verifier, ...change }
  return requestToken(context, form, byName(context.the('public_client')), headers)
}

export interface Delegated {
  readonly accessToken: string
  readonly refreshToken: string | undefined
  readonly answer: Answer
}

/** Tokens that somebody agreed to. */
export async function obtainTokens(context: Context, change: Form = {}): Promise<Delegated> {
  return delegatedIn(await redeem(context, await obtainCode(context, change)))
}

export function delegatedIn(answer: Answer): Delegated {
  const { refresh_token } = answer.body
  const refreshToken = typeof refresh_token === 'string' ? refresh_token : undefined
  return { accessToken: tokenIn(answer), refreshToken, answer }
}

/** RFC 6749 §6. */
export const refresh = (
  context: Context,
  refresh_token: string,
  change: Form = {},
  headers?: Readonly<Record<string, string>>,
): Promise<Answer> =>
  requestToken(
    context,
    { grant_type: 'refresh_token', refresh_token, ...change },
    byName(context.the('public_client')),
    headers,
  )
