import { STATUS_CODES } from 'node:http'
import type { RequestContext } from './context.ts'
import { noStore } from './oauth-answer.ts'

/** The error types of the management API: the contract's table, and what any HTTP service may have to say. */
export const API_ERRORS = {
  authentication_required: { status: 401, meaning: 'No credential was sent.' },
  invalid_api_key: { status: 401, meaning: 'The credential is unknown, malformed, revoked or expired.' },
  wrong_key_type: { status: 403, meaning: 'A test credential on the live host, or the reverse.' },
  subscription_inactive: { status: 403, meaning: 'The tenant is paused or cancelled.' },
  insufficient_scope: { status: 403, meaning: 'The credential lacks a scope, which is named.' },
  not_found: { status: 404, meaning: 'There is no such thing, or it is not yours.' },
  conflict: { status: 409, meaning: 'It contradicts what is there.' },
  misdirected_request: { status: 421, meaning: 'This server does not answer for that host.' },
  validation_failed: { status: 422, meaning: 'A field is wrong; each has a pointer.' },
  rate_limited: { status: 429, meaning: 'Too many; wait for Retry-After seconds.' },
  server_error: { status: 500, meaning: 'Our fault; the request id finds it in the log.' },
  temporarily_unavailable: { status: 503, meaning: 'A store is away; wait for Retry-After seconds.' },
} as const satisfies Record<string, { status: number; meaning: string }>

export type ApiErrorCode = keyof typeof API_ERRORS

export interface ApiErrorDetails {
  /** For the caller; never repeats a credential. */
  readonly detail?: string
  readonly status?: number
  readonly retryAfter?: number
  /** The scope that was missing. */
  readonly scope?: string
  /** RFC 6901 pointers into the body, or `?name` for a query parameter. */
  readonly fields?: readonly { readonly pointer: string; readonly detail: string }[]
  /** RFC 9110 §11.6.1: how to authenticate. */
  readonly challenge?: string
  /** What the log says instead of the code. */
  readonly reason?: string
}

/** Thrown, so that a transaction under way is rolled back by it. */
export class ApiError extends Error {
  override readonly name = 'ApiError'
  readonly code: ApiErrorCode
  readonly details: ApiErrorDetails

  constructor(code: ApiErrorCode, details: ApiErrorDetails = {}) {
    super(code)
    this.code = code
    this.details = details
  }
}

/** The one place where a management error becomes HTTP: an RFC 9457 problem document. */
export function answerProblem(ctx: RequestContext, { code, details }: ApiError): void {
  const { status = API_ERRORS[code].status, detail = API_ERRORS[code].meaning, retryAfter, challenge } = details
  ctx.status = status
  ctx.state.refusal ??= details.reason ?? code
  noStore(ctx)
  if (retryAfter !== undefined) ctx.set('Retry-After', String(retryAfter))
  if (challenge) ctx.set('WWW-Authenticate', challenge)
  ctx.body = JSON.stringify({
    type: `urn:keycourt:error:${code}`,
    title: STATUS_CODES[status],
    status,
    error: code,
    detail,
    request_id: ctx.state.requestId,
    ...(details.scope && { scope: details.scope }),
    ...(details.fields && { fields: details.fields }),
  })
  ctx.type = 'application/problem+json'
}
