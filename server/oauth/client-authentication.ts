import type { Refusal } from '../credentials/authenticator.ts'
import { type ChosenCredential, parseChosenCredential } from '../credentials/chosen-credential.ts'
import { parseClientSecret, type SecretCredential } from '../credentials/format.ts'
import type { Mode } from '../mode/mode.ts'
import { fail, type OAuthError, type Result, succeed } from './oauth-error.ts'

/** How a request says which client it is from. */
export type PresentedClient = PresentedSecret | PresentedAssertion | PresentedName

/** RFC 6749 §2.3.1: a client_id and client_secret that form a credential, or that an admin chose, by the Authorization header or in the body. */
export interface PresentedSecret {
  readonly method: 'secret'
  readonly credential: SecretCredential | ChosenCredential
  readonly clientId: string
  /** By the Authorization header: a 401 must name the scheme (RFC 6749 §5.2). */
  readonly challenge: boolean
}

/** RFC 7523 §2.2. */
export interface PresentedAssertion {
  readonly method: 'assertion'
  readonly assertion: string
  /** RFC 7521 §4.2: not needed, since the assertion names the client; if sent it must be the same. */
  readonly clientId: string | undefined
}

/** RFC 6749 §2.1: a public client can only say its name. */
export interface PresentedName {
  readonly method: 'none'
  readonly clientId: string
  /** What came with it, by which a client that several tenants know is found in one of them. */
  readonly given: GivenTokens
  /**
   * RFC 8693 §2.1, RFC 7523 §3.1: what is asked for rests on a token that the request holds, and whoever set this has it
   * verified before anything is given; until then a service user's name is all there is.
   */
  readonly vouchedByToken?: true
}

export interface GivenTokens {
  readonly code?: string | undefined
  readonly refresh_token?: string | undefined
  readonly token?: string | undefined
  readonly subject_token?: string | undefined
}

export interface ClientParameters extends GivenTokens {
  readonly client_id?: string | undefined
  readonly client_secret?: string | undefined
  readonly client_assertion?: string | undefined
  readonly client_assertion_type?: string | undefined
}

const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

/**
 * RFC 6749 §2.3. A secret that is neither of our making nor one that an admin can have chosen ends here, before any store
 * is asked. A client that doesn't say who it is isn't authenticated.
 */
export function presentedClient(authorization: string | undefined, params: ClientParameters): Result<PresentedClient> {
  const { client_id, client_secret, client_assertion, client_assertion_type } = params
  const assertion = client_assertion ?? client_assertion_type
  const mechanisms = [authorization, client_secret, assertion].filter((mechanism) => mechanism !== undefined)
  // RFC 6749 §2.3: the client MUST NOT use more than one authentication method in each request.
  if (mechanisms.length > 1) return fail('invalid_request', 'use one client authentication method, not several')

  if (authorization !== undefined) return byHeader(authorization, client_id)
  if (assertion !== undefined) return byAssertion(params)
  if (client_id === undefined) {
    return client_secret === undefined ? unauthenticated(true) : fail('invalid_request', 'client_id is missing')
  }
  return client_secret === undefined
    ? succeed({ method: 'none', clientId: client_id, given: params })
    : sealed(client_id, client_secret, false)
}

function byHeader(authorization: string, clientId: string | undefined): Result<PresentedSecret> {
  const pair = basicCredentials(authorization)
  if (!pair.ok) return pair
  if (clientId !== undefined && clientId !== pair.value.clientId) {
    return fail('invalid_request', 'client_id differs from the one in the Authorization header')
  }
  return sealed(pair.value.clientId, pair.value.clientSecret, true)
}

function byAssertion(params: ClientParameters): Result<PresentedAssertion> {
  const { client_id: clientId, client_assertion: assertion, client_assertion_type: type } = params
  if (type !== ASSERTION_TYPE) return fail('invalid_request', `client_assertion_type must be ${ASSERTION_TYPE}`)
  if (assertion === undefined) return fail('invalid_request', 'client_assertion is missing')
  return succeed({ method: 'assertion', assertion, clientId })
}

function sealed(clientId: string, clientSecret: string, challenge: boolean): Result<PresentedSecret> {
  const credential = parseClientSecret(clientId, clientSecret) ?? parseChosenCredential(clientId, clientSecret)
  return credential ? succeed({ method: 'secret', credential, clientId, challenge }) : unauthenticated(challenge)
}

/** RFC 6749 §5.2: one answer for every reason, so that it can't be used to find out which clients exist. */
export const unauthenticated = (challenge: boolean) =>
  fail('invalid_client', 'client authentication failed', { challenge })

const BASIC = /^basic(?: |$)/i
const CREDENTIALS = /^basic ([A-Za-z0-9+/]+={0,2})$/i
// biome-ignore lint/suspicious/noControlCharactersInRegex: RFC 7617 §2: neither part may hold control characters.
const CONTROL = /[\x00-\x1f\x7f]/

/** RFC 7617 §2; each part is form-encoded first (RFC 6749 §2.3.1), so `+` is a space and `%` an escape. */
function basicCredentials(authorization: string): Result<{ clientId: string; clientSecret: string }> {
  const encoded = CREDENTIALS.exec(authorization)?.[1]
  if (encoded === undefined) return BASIC.test(authorization) ? malformedBasic : unauthenticated(true)
  if (encoded.length % 4 !== 0) return malformedBasic
  const text = Buffer.from(encoded, 'base64').toString()
  const colon = text.indexOf(':')
  if (colon < 1 || CONTROL.test(text)) return malformedBasic
  try {
    return succeed({ clientId: formDecode(text.slice(0, colon)), clientSecret: formDecode(text.slice(colon + 1)) })
  } catch {
    return malformedBasic
  }
}

const malformedBasic = fail('invalid_request', 'the Authorization header is malformed')

const formDecode = (text: string): string =>
  text.includes('%') || text.includes('+') ? decodeURIComponent(text.replaceAll('+', ' ')) : text

/** What a refused client is told, and why it was: the latter for the log alone. */
export function refusalError(refusal: Refusal, mode: Mode, challenge: boolean): OAuthError {
  return { ...answerTo(refusal, mode, challenge), reason: refusal.reason }
}

function answerTo(refusal: Refusal, mode: Mode, challenge: boolean): OAuthError {
  if (refusal.reason === 'unheard') {
    const description = 'too many failed attempts; this one was not looked at'
    return { error: 'rate_limited', description, retryAfter: refusal.retryAfter }
  }
  if (refusal.retryAfter !== undefined) {
    const description = 'too many failed attempts; the right credential still works'
    return { error: 'rate_limited', description, retryAfter: refusal.retryAfter }
  }
  if (refusal.reason === 'wrong_mode') {
    const description = `this is the ${mode} server; the credential is for the other one`
    return { error: 'invalid_client', description, challenge }
  }
  if (refusal.reason === 'tenant_inactive') {
    return { error: 'subscription_inactive', description: 'the tenant is paused or cancelled' }
  }
  return unauthenticated(challenge).error
}
