import type { JSONWebKeySet } from 'jose'
import type { Mode } from '../mode/mode.ts'
import type { MemberRole } from '../tenancy/scopes.ts'

/** What may be known of a client between two requests: a copy, worth what its `version` is worth. */
export interface Client {
  readonly id: string
  /** The OAuth client_id: `tk_<id>`, `AKE<ID>`, `pk_live_<id>`, `su_<id>`, `app_<id>`, a document's URL, or what an admin chose. */
  readonly clientId: string
  readonly publicId: string
  readonly kind: ClientKind
  readonly mode: Mode
  readonly tenantId: string
  readonly name: string
  /** `all`: whatever the tenant's resources have, now and later. */
  readonly scopes: 'all' | readonly string[]
  readonly role: ServiceUserRole | undefined
  readonly teams: readonly string[]
  /** Lifetime of its tokens in seconds; undefined: the resource's, or an hour. */
  readonly tokenValidity: number | undefined
  readonly requireDpop: boolean
  readonly createdAt: number
  readonly expiresAt: number | undefined
  readonly revokedAt: number | undefined
  /** Until it is enabled again it is as good as revoked. */
  readonly disabledAt: number | undefined
  readonly secrets: readonly Secret[]
  /** RFC 7523 §2.2: the public keys with which it may authenticate. */
  readonly jwks: JSONWebKeySet | undefined
  /** Only of those that may use the authorization code flow. */
  readonly app: App | undefined
  /** Only of personal access tokens: whose it is, as they are now. */
  readonly person: Person | undefined
  /** Only of those whose id an admin chose. */
  readonly apiClient: ApiClient | undefined
  readonly ref: string
  readonly version: number
  readonly epoch: number
}

/** A client of the authorization code flow. Times are seconds. */
export interface App {
  readonly type: AppType
  readonly redirectUris: readonly string[]
  readonly postLogoutRedirectUris: readonly string[]
  readonly homepage: string | undefined
  readonly refreshIdle: number
  readonly refreshAbsolute: number
  /** Undefined: by how it authenticates. */
  readonly refreshRetryWindow: number | undefined
  readonly requirePar: boolean
  /** Of a client that is described by a document: its client_id. */
  readonly metadataUrl: string | undefined
}

/** Whoever a personal access token acts for: it is worth what they are worth. */
export interface Person {
  readonly id: string
  readonly email: string
  readonly role: MemberRole
}

/** A client whose id and secret an admin chose. */
export interface ApiClient {
  readonly permission: ApiClientPermission
  /** Inactive ones can't authenticate, and whatever they had is dead. */
  readonly active: boolean
}

/** `read`: only scopes that read, and only GET at the management API. */
export const API_CLIENT_PERMISSIONS = ['edit', 'read'] as const
export type ApiClientPermission = (typeof API_CLIENT_PERMISSIONS)[number]

export const APP_TYPES = ['public', 'confidential'] as const
export type AppType = (typeof APP_TYPES)[number]

export const CLIENT_KINDS = [
  'standard',
  'enterprise',
  'public',
  'service_user',
  'app',
  'api_client',
  'personal',
] as const
export type ClientKind = (typeof CLIENT_KINDS)[number]

export const SERVICE_USER_ROLES = ['viewer', 'editor', 'admin'] as const
export type ServiceUserRole = (typeof SERVICE_USER_ROLES)[number]

export interface Secret {
  readonly id: string
  /** Service tokens have an id of their own; a key's secret is found by the key's. */
  readonly publicId: string | undefined
  readonly name: string | undefined
  readonly digest: Uint8Array
  readonly hashKey: string
  readonly expiresAt: number | undefined
  readonly revokedAt: number | undefined
}

/** An API client's stands for what the admin chose; a personal access token is no OAuth client, and has it for a hint. */
const CLIENT_ID: Record<ClientKind, (publicId: string, mode: Mode) => string> = {
  standard: (publicId) => `tk_${publicId}`,
  enterprise: (publicId) => `AKE${publicId.toUpperCase()}`,
  public: (publicId, mode) => `pk_${mode}_${publicId}`,
  service_user: (publicId) => `su_${publicId}`,
  app: (publicId) => `app_${publicId}`,
  api_client: (publicId) => `client_${publicId}`,
  personal: (publicId, mode) => `kp_${mode}_${publicId}`,
}

/** No id that an admin chose, or a document's URL, looks like one. */
export const isServiceUserId = (clientId: string): boolean => /^su_[a-z2-7]+$/.test(clientId)

export const clientIdOf = (kind: ClientKind, publicId: string, mode: Mode): string => CLIENT_ID[kind](publicId, mode)

/** Times: `undefined` never, otherwise milliseconds since the epoch. */
export const isPast = (time: number | undefined, now: number): boolean => time !== undefined && time <= now
