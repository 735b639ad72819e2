import type { Outcome } from '../audit/change.ts'
import type { ScopedTransaction, TenantScope } from '../tenancy/scoped-database.ts'
import type { Client } from './client.ts'
import type { Digests } from './digest.ts'
import { newClientRef, newEnterpriseKey, newPublicId, newRecordId, newStandardKey } from './format.ts'

export type KeyKind = 'standard' | 'enterprise' | 'public'

export interface NewKey {
  readonly kind: KeyKind
  readonly name: string
  readonly description: string | null
  readonly scopes: Client['scopes']
  readonly tokenValidity: number | null
  readonly requireDpop: boolean
  readonly expiresAt: Date | null
  readonly createdBy: string
}

export type KeyRow = Awaited<ReturnType<ScopedTransaction['client']['findFirstOrThrow']>>

export interface IssuedKey {
  readonly row: KeyRow
  /** The only time that it exists outside its holder. Undefined for public keys, which have no secret. */
  readonly apiKey: string | undefined
}

/** Writes a key with its standing and the hash of its secret. */
export async function issueKey(
  transaction: ScopedTransaction,
  scope: TenantScope,
  digests: Pick<Digests, 'digest'>,
  key: NewKey,
  now: Date,
): Promise<Outcome<IssuedKey>> {
  const publicId = newPublicId()
  const apiKey = secretOf(key.kind, scope, publicId)
  const id = newRecordId('key')
  const ref = newClientRef()
  const { kind, name, description, tokenValidity, requireDpop, expiresAt, createdBy } = key
  await transaction.standing.create({ data: { ...scope, ref, kind: 'client' } })
  const row = await transaction.client.create({
    data: {
      ...{ ...scope, id, publicId, ref, kind, name, description, tokenValidity, requireDpop, expiresAt, createdBy },
      allScopes: key.scopes === 'all',
      scopes: key.scopes === 'all' ? [] : [...key.scopes],
      createdAt: now,
      updatedAt: now,
    },
  })
  if (apiKey) {
    const secret = { ...digests.digest(apiKey), id: newRecordId('sec'), clientId: id, createdBy, createdAt: now }
    await transaction.secret.create({ data: { ...scope, ...secret } })
  }
  return {
    result: { row, apiKey },
    events: [{ action: 'api_key.created', target: { type: 'api_key', id }, details: { name, kind } }],
  }
}

const secretOf = (kind: KeyKind, { mode }: TenantScope, publicId: string): string | undefined =>
  ({
    standard: () => newStandardKey(mode, publicId),
    enterprise: () => newEnterpriseKey(publicId),
    public: () => undefined,
  })[kind]()

/** Everything that `/v1/api-keys` calls a key. */
export const KEY_KINDS: readonly KeyKind[] = ['standard', 'enterprise', 'public']

/**
 * For good: the key and all that was minted from it are dead. Undefined if there is no such key. Revoking a revoked one
 * moves its standing once more, so that a caller who never got the answer can repeat the call and be sure.
 */
export async function revokeKey(
  transaction: ScopedTransaction,
  id: string,
  now: Date,
): Promise<Outcome<KeyRow | undefined>> {
  const row = await transaction.client.findFirst({ where: { id, kind: { in: [...KEY_KINDS] } } })
  if (!row) return { result: undefined, events: [] }
  const moved = [{ ref: row.ref, kill: true }]
  if (row.revokedAt) return { result: row, events: [], moved }
  const revoked = await transaction.client.update({ where: { id }, data: { revokedAt: now, updatedAt: now } })
  const event = { action: 'api_key.revoked', target: { type: 'api_key', id }, details: { name: row.name } }
  return { result: revoked, events: [event], moved }
}
