import type { TokenResponse } from '../oauth/grants/grant.ts'
import type { OAuthError } from '../oauth/oauth-error.ts'
import type { EndpointContext } from './context.ts'

const STATUS: Partial<Record<OAuthError['error'], number>> = {
  invalid_client: 401,
  subscription_inactive: 403,
  rate_limited: 429,
  server_error: 500,
  temporarily_unavailable: 503,
}

/** The one place where an OAuth error becomes HTTP. RFC 6749 §5.2. */
export function answerOAuthError(ctx: EndpointContext, failure: OAuthError): void {
  const { error, description, scope, retryAfter } = failure
  ctx.status = failure.status ?? STATUS[error] ?? 400
  ctx.state.refusal ??= failure.reason ?? error
  noStore(ctx)
  if (retryAfter !== undefined) ctx.set('Retry-After', String(retryAfter))
  if (failure.challenge && ctx.status === 401) {
    ctx.set('WWW-Authenticate', `Basic realm="${ctx.state.mode.issuer}", charset="UTF-8", error="${error}"`)
  }
  ctx.body = { error, error_description: description, ...(scope === undefined ? {} : { scope }) }
}

/** RFC 6749 §5.1: nothing that holds tokens or credentials is cached anywhere. */
export function noStore(ctx: EndpointContext): void {
  ctx.set('Cache-Control', 'no-store')
  ctx.set('Pragma', 'no-cache')
}

/** RFC 6749 §5.1, OpenID Connect Core 1.0 §3.1.3.3, RFC 8693 §2.2.1. */
export function answerToken(ctx: EndpointContext, token: TokenResponse): void {
  noStore(ctx)
  ctx.status = 200
  ctx.body = {
    access_token: token.value,
    ...(token.issuedTokenType && { issued_token_type: token.issuedTokenType }),
    token_type: token.tokenType,
    expires_in: token.expiresIn,
    scope: token.scope,
    ...(token.refreshToken && { refresh_token: token.refreshToken }),
    ...(token.idToken && { id_token: token.idToken }),
  }
}
