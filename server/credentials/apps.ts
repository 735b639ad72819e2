import type { Outcome } from '../audit/change.ts'
import type { ScopedTransaction, TenantScope } from '../tenancy/scoped-database.ts'
import { issueAppSecret } from './app-secrets.ts'
import type { App, AppType, Client } from './client.ts'
import { appColumns, changedColumns, clientColumns } from './client-columns.ts'
import type { Digests } from './digest.ts'
import { newClientRef, newPublicId } from './format.ts'

const DAY = 86_400

/** Seconds that a refresh token lives unused, and that its family lives at all. */
export const DEFAULT_LIFETIMES = { refreshIdle: 30 * DAY, refreshAbsolute: 90 * DAY } as const

/** What makes a client one of the authorization code flow. */
export interface AppSettings extends Pick<App, 'redirectUris' | 'postLogoutRedirectUris' | 'requirePar'> {
  readonly homepage: string | null
  readonly refreshIdle: number
  readonly refreshAbsolute: number
  readonly refreshRetryWindow: number | null
}

/** What it has as any client has it. */
export interface AppClientSettings extends Pick<Client, 'name' | 'scopes' | 'requireDpop'> {
  readonly description: string | null
  readonly tokenValidity: number | null
  readonly jwks: NonNullable<Client['jwks']> | null
}

export interface NewApp {
  readonly type: AppType
  readonly client: AppClientSettings
  readonly settings: AppSettings
  readonly createdBy: string
}

type ClientRow = Awaited<ReturnType<ScopedTransaction['client']['findFirstOrThrow']>>
export type AppRow = Awaited<ReturnType<ScopedTransaction['app']['findFirstOrThrow']>>
export type ClientWithApp = ClientRow & { readonly app: AppRow | null }

/** Its id is its client_id. A confidential app without keys of its own gets a secret, which is shown this once. */
export async function createApp(
  transaction: ScopedTransaction,
  scope: TenantScope,
  digests: Pick<Digests, 'digest'>,
  { type, client, settings, createdBy }: NewApp,
  now: Date,
): Promise<Outcome<{ row: ClientWithApp; clientSecret: string | undefined }>> {
  const publicId = newPublicId()
  const id = `app_${publicId}`
  const ref = newClientRef()
  await transaction.standing.create({ data: { ...scope, ref, kind: 'client' } })
  const identity = { ...scope, id, publicId, ref, kind: 'app', createdBy, createdAt: now, updatedAt: now }
  const made = await transaction.client.create({ data: { ...identity, ...clientColumns(client) } })
  const row = { ...made, app: await writeAppSettings(transaction, scope, id, type, settings) }
  const hasSecret = type === 'confidential' && !client.jwks
  const clientSecret = hasSecret ? await issueAppSecret(transaction, scope, digests, made, createdBy, now) : undefined
  const event = { action: 'app.created', target: { type: 'app', id }, details: { name: client.name, type } }
  return { result: { row, clientSecret }, events: [event] }
}

/** Makes a client one of the authorization code flow: an app, or a public key. */
export const writeAppSettings = (
  transaction: ScopedTransaction,
  scope: TenantScope,
  clientId: string,
  type: AppType,
  settings: AppSettings,
): Promise<AppRow> => transaction.app.create({ data: { ...scope, clientId, type, ...appColumns(settings) } })

/** What isn't there stays as it is. */
export interface AppChanges {
  readonly client: Partial<AppClientSettings>
  readonly settings: Partial<AppSettings>
}

/** Undefined if there is no such app, or no more. Every node reads it anew; what was minted for it stays alive. */
export async function updateApp(
  transaction: ScopedTransaction,
  id: string,
  { client, settings }: AppChanges,
  now: Date,
): Promise<Outcome<ClientWithApp | undefined>> {
  const before = await transaction.client.findFirst({ where: { id, ...LIVE_APP }, include: { app: true } })
  if (!before?.app) return { result: undefined, events: [] }
  const after = await transaction.client.update({ where: { id }, data: { ...clientColumns(client), updatedAt: now } })
  const app = await transaction.app.update({ where: { clientId: id }, data: appColumns(settings) })
  // Keys or a secret, never both: who sets keys is done with the secret.
  if (client.jwks) await transaction.secret.deleteMany({ where: { clientId: id } })
  const result = { ...after, app }
  const changed = changedColumns({ ...before, ...before.app }, { ...after, ...app })
  const details = { name: after.name, changed }
  const events = changed.length ? [{ action: 'app.changed', target: { type: 'app', id }, details }] : []
  return { result, events, moved: [{ ref: before.ref, kill: false }] }
}

/**
 * For good: the app, its families, codes and tokens are dead. Undefined if there is no such app. Revoking a revoked one
 * moves its standing once more, so that a caller who never got the answer can repeat the call and be sure.
 */
export async function revokeApp(
  transaction: ScopedTransaction,
  id: string,
  now: Date,
): Promise<Outcome<{ id: string } | undefined>> {
  const row = await transaction.client.findFirst({ where: { id, kind: 'app' } })
  if (!row) return { result: undefined, events: [] }
  const moved = [{ ref: row.ref, kill: true }]
  if (row.revokedAt) return { result: row, events: [], moved }
  await transaction.client.update({ where: { id }, data: { revokedAt: now, updatedAt: now } })
  const event = { action: 'app.revoked', target: { type: 'app', id }, details: { name: row.name } }
  return { result: row, events: [event], moved }
}

export const LIVE_APP = { kind: 'app', revokedAt: null } as const
