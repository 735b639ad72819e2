import type { Refusal } from '../credentials/authenticator.ts'
import { parseClientSecret, type SecretCredential } from '../credentials/format.ts'
import type { Mode } from '../mode/mode.ts'
import { fail, type OAuthError, type Result, succeed } from './oauth-error.ts'

/** A client_id and client_secret that form a credential, by the Authorization header or in the body. */
export interface PresentedSecret {
  readonly credential: SecretCredential
  readonly clientId: string
  /** By the Authorization header: a 401 must name the scheme (RFC 6749 §5.2). */
  readonly challenge: boolean
}

interface ClientParameters {
  readonly client_id?: string | undefined
  readonly client_secret?: string | undefined
  readonly client_assertion?: string | undefined
}

/**
 * RFC 6749 §2.3. Undefined: no secret was presented at all; then another method may have been. A secret that is not of
 * our making ends here, before any store is asked.
 */
export function presentedSecret(
  authorization: string | undefined,
  params: ClientParameters,
): Result<PresentedSecret | undefined> {
  const { client_id, client_secret, client_assertion } = params
  const mechanisms = [authorization, client_secret, client_assertion].filter((mechanism) => mechanism !== undefined)
  // RFC 6749 §2.3: the client MUST NOT use more than one authentication method in each request.
  if (mechanisms.length > 1) return fail('invalid_request', 'use one client authentication method, not several')

  if (authorization !== undefined) {
    const pair = basicCredentials(authorization)
    if (!pair.ok) return pair
    if (client_id !== undefined && client_id !== pair.value.clientId) {
      return fail('invalid_request', 'client_id differs from the one in the Authorization header')
    }
    return sealed(pair.value.clientId, pair.value.clientSecret, true)
  }
  if (client_secret === undefined) return succeed(undefined)
  if (client_id === undefined) return fail('invalid_request', 'client_id is missing')
  return sealed(client_id, client_secret, false)
}

function sealed(clientId: string, clientSecret: string, challenge: boolean): Result<PresentedSecret> {
  const credential = parseClientSecret(clientId, clientSecret)
  return credential ? succeed({ credential, clientId, challenge }) : unauthenticated(challenge)
}

/** RFC 6749 §5.2: one answer for every reason, so that it can't be used to find out which clients exist. */
export const unauthenticated = (challenge: boolean) =>
  fail('invalid_client', 'client authentication failed', { challenge })

const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/
// biome-ignore lint/suspicious/noControlCharactersInRegex: RFC 7617 §2: neither part may hold control characters.
const CONTROL = /[\x00-\x1f\x7f]/

/** RFC 7617 §2; each part is form-encoded first (RFC 6749 §2.3.1), so `+` is a space and `%` an escape. */
function basicCredentials(authorization: string): Result<{ clientId: string; clientSecret: string }> {
  const [scheme = '', encoded = '', ...rest] = authorization.split(' ')
  if (scheme.toLowerCase() !== 'basic') return unauthenticated(true)
  if (rest.length || !BASE64.test(encoded) || encoded.length % 4 !== 0) return malformedBasic
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

/** What a refused client is told. */
export function refusalError(refusal: Refusal, mode: Mode, challenge: boolean): OAuthError {
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
