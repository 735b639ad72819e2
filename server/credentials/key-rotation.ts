import type { Outcome } from '../audit/change.ts'
import type { ScopedTransaction, TenantScope } from '../tenancy/scoped-database.ts'
import type { Digests } from './digest.ts'
import { findKey, type Key, type KeyKind, secretOf, writeSecret } from './keys.ts'

export interface KeyRotation {
  readonly id: string
  /** Until when the secret before is good; undefined: it is dead at once. */
  readonly overlapUntil: Date | undefined
  readonly createdBy: string
  /** Whether this may be done to it, while nobody else changes it. What it throws undoes all. */
  check(before: Key): void
}

export interface RotatedKey {
  readonly row: Key
  /** The only time that it exists outside its holder. */
  readonly apiKey: string
}

/**
 * A new secret under the same id. Without an overlap the one before is as good as revoked, so what was minted so far dies
 * with it: nobody can tell by which of them it was. Undefined if there is no such key.
 */
export async function rotateKey(
  transaction: ScopedTransaction,
  scope: TenantScope,
  digests: Pick<Digests, 'digest'>,
  { id, overlapUntil, createdBy, check }: KeyRotation,
  now: Date,
): Promise<Outcome<RotatedKey | undefined>> {
  const before = await findKey(transaction, id)
  if (!before) return { result: undefined, events: [] }
  check(before)
  const apiKey = secretOf(before.kind as KeyKind, scope, before.publicId)
  if (!apiKey) throw new Error('a public key has no secret')
  await retire(transaction, id, overlapUntil)
  await writeSecret(transaction, scope, digests, { apiKey, clientId: id, createdBy }, now)
  const details = { name: before.name, old_until: overlapUntil?.toISOString() ?? null }
  return {
    result: { row: await touched(transaction, id, now), apiKey },
    events: [{ action: 'api_key.rotated', target: { type: 'api_key', id }, details }],
    moved: [{ ref: before.ref, kill: overlapUntil === undefined }],
  }
}

/** The current one, which is the one without an end, stays until `until` if that is given; all others go. */
async function retire(transaction: ScopedTransaction, clientId: string, until: Date | undefined): Promise<void> {
  await transaction.secret.deleteMany({ where: { clientId, ...(until && { expiresAt: { not: null } }) } })
  if (until) await transaction.secret.updateMany({ where: { clientId }, data: { expiresAt: until } })
}

/**
 * The secret before the last rotation is dead at once, and with it what was minted so far. Undefined if there is no such
 * key. Where none is left, or it is over by itself, the standing moves nevertheless, so that a caller who never got the answer can be sure.
 */
export async function endOverlap(
  transaction: ScopedTransaction,
  id: string,
  now: Date,
): Promise<Outcome<Key | undefined>> {
  const before = await findKey(transaction, id)
  if (!before) return { result: undefined, events: [] }
  const { count } = await transaction.secret.deleteMany({ where: { clientId: id, expiresAt: { gt: now } } })
  const moved = [{ ref: before.ref, kill: count > 0 }]
  if (!count) return { result: before, events: [], moved }
  const event = { action: 'api_key.overlap_ended', target: { type: 'api_key', id }, details: { name: before.name } }
  return { result: await touched(transaction, id, now), events: [event], moved }
}

async function touched(transaction: ScopedTransaction, id: string, now: Date): Promise<Key> {
  await transaction.client.update({ where: { id }, data: { updatedAt: now } })
  const row = await findKey(transaction, id)
  if (!row) throw new Error('a key that was just written is there')
  return row
}
