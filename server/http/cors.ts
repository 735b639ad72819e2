import type { RequestContext } from './context.ts'

/**
 * What a script of any origin may call: apps that run in a browser. None of it looks at cookies, so a stranger's page
 * gains nothing by it (Fetch standard: `*` never goes with credentials). Authorization and pages aren't here: RFC 9700 §2.6.
 */
const OPEN = new Set(['/oauth/token', '/oauth/par', '/oauth/revoke', '/oauth/userinfo'])

const OPEN_FIELDS = {
  'Access-Control-Allow-Origin': '*',
  'Access-Control-Expose-Headers': 'DPoP-Nonce, WWW-Authenticate, Retry-After, X-Request-Id',
  'Cross-Origin-Resource-Policy': 'cross-origin',
} as const

const PREFLIGHT = {
  'Access-Control-Allow-Methods': 'GET, POST',
  'Access-Control-Allow-Headers': 'Authorization, Content-Type, DPoP',
  'Access-Control-Max-Age': '3600',
}

/** What answers of `path` carry for browsers. */
export const corsFields = (path: string): Readonly<Record<string, string>> => (OPEN.has(path) ? OPEN_FIELDS : {})

export const cors = (ctx: RequestContext, next: () => Promise<void>): Promise<void> | void => {
  if (!OPEN.has(ctx.path)) return next()
  ctx.set(OPEN_FIELDS)
  if (ctx.method !== 'OPTIONS' || ctx.headers['access-control-request-method'] === undefined) return next()
  ctx.set(PREFLIGHT)
  ctx.state.route = ctx.path
  ctx.status = 204
}
