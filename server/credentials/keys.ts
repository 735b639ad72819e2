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
  readonly tags?: readonly string[]
  readonly scopes: Client['scopes']
  readonly tokenValidity: number | null
  readonly requireDpop: boolean
  readonly expiresAt: Date | null
  readonly createdBy: string
}

export type KeyRow = Awaited<ReturnType<ScopedTransaction['client']['findFirstOrThrow']>>

/** Of its secrets when and how they were used, and nothing by which one could be found out; the newest first. */
export const WITH_SECRETS = {
  app: true,
  secrets: {
    select: {
      ...{ id: true, createdAt: true, expiresAt: true, revokedAt: true },
      ...{ lastUsedAt: true, lastUsedIp: true, lastUsedAgent: true },
    },
    orderBy: [{ createdAt: 'desc' as const }, { id: 'desc' as const }],
  },
}

export type Key = NonNullable<Awaited<ReturnType<typeof findKey>>>

export const findKey = ({ client }: Pick<ScopedTransaction, 'client'>, id: string) =>
  client.findFirst({ where: { id, kind: { in: [...KEY_KINDS] } }, include: WITH_SECRETS })

/** What it holds, in the domain's words. */
export const scopesOfKey = ({ allScopes, scopes }: Pick<KeyRow, 'allScopes' | 'scopes'>): Client['scopes'] =>
  allScopes ? 'all' : scopes

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
      tags: [...(key.tags ?? [])],
      createdAt: now,
      updatedAt: now,
    },
  })
  if (apiKey) await writeSecret(transaction, scope, digests, { apiKey, clientId: id, createdBy }, now)
  return {
    result: { row, apiKey },
    events: [{ action: 'api_key.created', target: { type: 'api_key', id }, details: { name, kind } }],
  }
}

interface NewSecret {
  readonly apiKey: string
  readonly clientId: string
  readonly createdBy: string
}

export async function writeSecret(
  transaction: ScopedTransaction,
  scope: TenantScope,
  digests: Pick<Digests, 'digest'>,
  { apiKey, clientId, createdBy }: NewSecret,
  now: Date,
): Promise<void> {
  const secret = { ...digests.digest(apiKey), id: newRecordId('sec'), clientId, createdBy, createdAt: now }
  await transaction.secret.create({ data: { ...scope, ...secret } })
}

/** A new one for a key of the kind; undefined for public keys. */
export const secretOf = (kind: KeyKind, { mode }: TenantScope, publicId: string): string | undefined =>
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
