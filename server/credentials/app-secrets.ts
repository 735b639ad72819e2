import type { Outcome } from '../audit/change.ts'
import { Prisma } from '../storage/database.ts'
import type { ScopedTransaction, TenantScope } from '../tenancy/scoped-database.ts'
import { LIVE_APP } from './apps.ts'
import type { Digests } from './digest.ts'
import { newAppSecret, newRecordId } from './format.ts'

/** The secret exists this once: only its keyed hash is kept. */
export async function issueAppSecret(
  transaction: ScopedTransaction,
  scope: TenantScope,
  digests: Pick<Digests, 'digest'>,
  { id, publicId }: { readonly id: string; readonly publicId: string },
  createdBy: string,
  now: Date,
): Promise<string> {
  const clientSecret = newAppSecret(scope.mode, publicId)
  const secret = { ...digests.digest(clientSecret), id: newRecordId('sec'), clientId: id, createdBy, createdAt: now }
  await transaction.secret.create({ data: { ...scope, ...secret } })
  return clientSecret
}

export interface AppSecretRotation {
  readonly id: string
  /** Until when the secret before is good; undefined: it is dead at once. */
  readonly overlapUntil: Date | undefined
  readonly createdBy: string
}

/** Undefined if there is no such app, or it has no use for a secret: a public one, or one with keys of its own. */
export async function rotateAppSecret(
  transaction: ScopedTransaction,
  scope: TenantScope,
  digests: Pick<Digests, 'digest'>,
  { id, overlapUntil, createdBy }: AppSecretRotation,
  now: Date,
): Promise<Outcome<{ clientSecret: string } | undefined>> {
  // Changing the row first locks it: rotations at once come one after the other, and two secrets stay two.
  const [row] = await transaction.client.updateManyAndReturn({
    where: { id, ...LIVE_APP, jwks: { equals: Prisma.DbNull }, app: { type: 'confidential' } },
    data: { updatedAt: now },
  })
  if (!row) return { result: undefined, events: [] }
  await retireSecrets(transaction, id, overlapUntil)
  const clientSecret = await issueAppSecret(transaction, scope, digests, row, createdBy, now)
  const details = { name: row.name, old_until: overlapUntil?.toISOString() ?? null }
  const event = { action: 'app.secret_rotated', target: { type: 'app', id }, details }
  return { result: { clientSecret }, events: [event], moved: [{ ref: row.ref, kill: false }] }
}

/** The current one, which is the one without an end, stays until `until` if that is given; all others go. */
async function retireSecrets(transaction: ScopedTransaction, clientId: string, until: Date | undefined): Promise<void> {
  await transaction.secret.deleteMany({ where: { clientId, ...(until && { expiresAt: { not: null } }) } })
  if (until) await transaction.secret.updateMany({ where: { clientId }, data: { expiresAt: until } })
}
