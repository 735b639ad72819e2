import type { Movement } from '../audit/change.ts'
import type { AuditEvent } from '../audit/entry.ts'
import type { ScopedTransaction, TenantScope } from '../tenancy/scoped-database.ts'
import { updateApiClient } from './api-clients.ts'
import { type ClientKind, isPast, type Secret } from './client.ts'
import { revokeKey } from './keys.ts'
import { revokePersonalAccessToken } from './personal-access-tokens.ts'
import { changeServiceToken } from './service-tokens.ts'

/** A secret that somebody found, and that is still worth something. */
export type LeakedSecret = NonNullable<Awaited<ReturnType<typeof leakableSecret>>>

/** As it is now; undefined if it is good for nothing any more. @param secret as it was when it was recognized */
export async function leakableSecret(
  { secret: secrets }: Pick<ScopedTransaction, 'secret'>,
  { id, digest }: Secret,
  now: Date,
) {
  const row = await secrets.findFirst({ where: { id }, include: { client: true } })
  if (!row || !Buffer.from(row.digest).equals(digest)) return undefined
  // A service token that was revoked may be restored, so it isn't dead yet.
  const isRevoked = row.client.revokedAt ?? row.leakedAt ?? (row.client.kind === 'service_user' ? null : row.revokedAt)
  const isOver = [row.expiresAt, row.client.expiresAt].some((end) => isPast(end?.getTime(), now.getTime()))
  return isRevoked || isOver ? undefined : row
}

interface Killed {
  readonly target: AuditEvent['target']
  /** What the log calls it. */
  readonly kind: string
  readonly events: readonly AuditEvent[]
  readonly moved: readonly Movement[]
}

type Kill = (
  transaction: ScopedTransaction,
  scope: TenantScope,
  leaked: LeakedSecret,
  now: Date,
) => Promise<Pick<Killed, 'events'> & Partial<Pick<Killed, 'moved'>>>

/** For good, with all that was minted by it, in the way in which it is ended otherwise. */
export async function killLeaked(
  transaction: ScopedTransaction,
  scope: TenantScope,
  leaked: LeakedSecret,
  now: Date,
): Promise<Killed> {
  const { id, client } = leaked
  const { kill, called } = KINDS[client.kind as ClientKind]
  const { events, moved = [] } = await kill(transaction, scope, leaked, now)
  await transaction.secret.updateMany({ where: { id }, data: { leakedAt: now } })
  return { target: { type: called, id: called === 'service_token' ? id : client.id }, kind: called, events, moved }
}

const key: Kill = (transaction, _, { client }, now) => revokeKey(transaction, client.id, now)

const serviceToken: Kill = (transaction, _, { id }, now) => changeServiceToken(transaction, id, 'revoked', now)

const personalAccessToken: Kill = (transaction, _, { client }, now) =>
  revokePersonalAccessToken(transaction, { id: client.id, memberId: client.memberId ?? '' }, now)

/** The secret alone is gone: an admin makes another. What was got with it may be in the same hands. */
const appSecret: Kill = async (transaction, _, { id, client }) => {
  await transaction.secret.deleteMany({ where: { id } })
  const event = { action: 'app.secret_revoked', target: { type: 'app', id: client.id }, details: { name: client.name } }
  return { events: [event], moved: [{ ref: client.ref, kill: true }] }
}

/** Inactive, and with no secret that is any good until an admin chooses another. */
const apiClient: Kill = async (transaction, scope, { id, client }, now) => {
  const outcome = await updateApiClient(transaction, scope, client.id, () => ({ status: 'inactive' }), now)
  await transaction.secret.updateMany({ where: { id }, data: { revokedAt: now } })
  return { events: outcome.events, moved: [{ ref: client.ref, kill: true }] }
}

const KINDS: Record<ClientKind, { readonly kill: Kill; readonly called: string }> = {
  standard: { kill: key, called: 'api_key' },
  enterprise: { kill: key, called: 'api_key' },
  public: { kill: key, called: 'api_key' },
  service_user: { kill: serviceToken, called: 'service_token' },
  app: { kill: appSecret, called: 'app' },
  api_client: { kill: apiClient, called: 'api_client' },
  personal: { kill: personalAccessToken, called: 'personal_access_token' },
}
