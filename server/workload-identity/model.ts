import type { JSONWebKeySet } from 'jose'

export const PLATFORMS = [
  'github-actions',
  'gitlab',
  'gcp',
  'aws',
  'azure',
  'vercel',
  'kubernetes',
  'circleci',
  'buildkite',
  'spiffe',
  'oidc',
] as const
export type Platform = (typeof PLATFORMS)[number]

/** Where the keys come from that verify an issuer's tokens. */
export type IssuerKeysSource =
  | { readonly by: 'discovery' }
  | { readonly by: 'jwks_uri'; readonly uri: string }
  | { readonly by: 'uploaded'; readonly jwks: JSONWebKeySet }

/** An issuer that a tenant trusts to name workloads. */
export interface WorkloadProvider {
  readonly id: string
  readonly tenantId: string
  readonly platform: Platform
  readonly name: string
  readonly issuer: string
  /** What a token must be meant for; none: our own issuer. */
  readonly audiences: readonly string[]
  readonly keys: IssuerKeysSource
  readonly singleUse: boolean
  readonly disabled: boolean
}

export type ConditionValue = string | number | boolean
export type Condition =
  | { readonly claim: string; readonly op: 'equals'; readonly value: ConditionValue }
  | { readonly claim: string; readonly op: 'one_of'; readonly value: readonly ConditionValue[] }
  | { readonly claim: string; readonly op: 'prefix' | 'glob'; readonly value: string }

/** Which of a provider's workloads act as a service user, and how far. */
export interface WorkloadBinding {
  readonly id: string
  readonly ref: string
  readonly epoch: number
  readonly provider: WorkloadProvider
  readonly conditions: readonly Condition[]
  readonly scopes: 'all' | readonly string[]
  readonly tokenValidity: number | undefined
  readonly disabled: boolean
}

/** RFC 7519 claims, parsed once: the verifier and the matcher see the same. */
export type Claims = Readonly<Record<string, unknown>>

/** One check of a subject token or binding. `expected` and `got` are for admins and the audit log alone, never for the caller. */
export interface Check {
  readonly check: string
  readonly held: boolean
  readonly expected?: unknown
  readonly got?: unknown
}

export interface VerifiedSubject {
  readonly issuer: string
  readonly subject: string
  readonly claims: Claims
  readonly jti: string | undefined
  readonly issuedAt: number
  readonly expiresAt: number
}

/**
 * `failed.check` is one of: malformed, algorithm, issuer, key, signature, type, audience, expired, not_yet_valid, too_old,
 * lifetime, missing_claim, keys_unavailable, replayed, disabled.
 */
export type SubjectVerdict =
  | { readonly ok: true; readonly subject: VerifiedSubject }
  | { readonly ok: false; readonly failed: Check; readonly retryAfter?: number }
