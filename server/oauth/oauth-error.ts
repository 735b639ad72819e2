import type { AuditEvent } from '../audit/entry.ts'

/** The error codes that the OAuth endpoints answer with, by the document that defines them. */
export type OAuthErrorCode =
  | 'invalid_request' // RFC 6749 §5.2
  | 'invalid_client'
  | 'invalid_grant'
  | 'unauthorized_client'
  | 'unsupported_grant_type'
  | 'invalid_scope'
  | 'invalid_target' // RFC 8707 §2
  | 'invalid_dpop_proof' // RFC 9449 §5
  | 'use_dpop_nonce' // RFC 9449 §8
  | 'temporarily_unavailable' // RFC 6749 §4.1.2.1
  | 'insufficient_scope' // RFC 6750 §3.1
  | 'invalid_token'
  | 'rate_limited' // ours, of the contract's error table
  | 'subscription_inactive'
  | 'server_error'

/** An answer that isn't a success. `description` is for the caller and never repeats what was sent. */
export interface OAuthError {
  readonly error: OAuthErrorCode
  readonly description: string
  /** RFC 6749 §5.2: 400 but where the code says otherwise. */
  readonly status?: number | undefined
  /** The scopes that were too much, for `invalid_scope`. */
  readonly scope?: string | undefined
  /** Seconds, for `Retry-After`. */
  readonly retryAfter?: number | undefined
  /** RFC 6749 §5.2: the client used the Authorization header, so a 401 names the scheme. */
  readonly challenge?: boolean | undefined
  /** What the log says instead of the code. */
  readonly reason?: string | undefined
  /** What the audit log says besides. */
  readonly audited?: AuditEvent['details'] | undefined
}

export type Result<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: OAuthError }

export const succeed = <T>(value: T): Result<T> => ({ ok: true, value })

export const fail = (error: OAuthErrorCode, description: string, more: Partial<OAuthError> = {}) => ({
  ok: false as const,
  error: { error, description, ...more },
})
