import type { Outcome } from '../../audit/change.ts'
import { DEFAULT_LIFETIMES } from '../../credentials/apps.ts'
import { newClientRef, newPublicId } from '../../credentials/format.ts'
import type { ScopedTransaction, TenantScope } from '../../tenancy/scoped-database.ts'
import type { ClientDocument } from './document.ts'

/** The record of a client that is described by a document. */
export interface RegisteredClient {
  readonly id: string
  readonly ref: string
}

/**
 * Gives the client of a document the record that a consent refers to, or finds the one that it has: in the same change
 * as the consent, so that no stranger can make us write. Undefined: an admin disabled it, and no document enables it.
 */
export async function registerByDocument(
  transaction: ScopedTransaction,
  scope: TenantScope,
  document: ClientDocument,
  now: Date,
): Promise<Outcome<RegisteredClient | undefined>> {
  const found = await recordOf(transaction, document.url)
  if (found) return { result: found.revokedAt ? undefined : found, events: [] }
  const publicId = newPublicId()
  const made = { id: `app_${publicId}`, ref: newClientRef() }
  await transaction.standing.create({ data: { ...scope, ref: made.ref, kind: 'client' } })
  await transaction.client.create({
    data: {
      ...{ ...scope, ...made, publicId, kind: 'app', name: document.name, createdBy: 'metadata_document' },
      ...{ allScopes: !document.scopes, scopes: [...(document.scopes ?? [])], createdAt: now, updatedAt: now },
    },
  })
  const app = { ...scope, ...DEFAULT_LIFETIMES, clientId: made.id, type: 'public', metadataUrl: document.url }
  const described = { redirectUris: [...document.redirectUris], homepage: document.homepage ?? null }
  // Of two people who agree at once, the second waits here for the first.
  const { count } = await transaction.app.createMany({ data: [{ ...app, ...described }], skipDuplicates: true })
  if (!count) {
    await transaction.client.delete({ where: { id: made.id } })
    await transaction.standing.delete({ where: { ref: made.ref } })
    return registerByDocument(transaction, scope, document, now)
  }
  const details = { name: document.name, client_id: document.url }
  const event = { action: 'app.registered_by_document', target: { type: 'app', id: made.id }, details }
  return { result: made, events: [event] }
}

/** Follows a document that has changed since. Scopes and lifetimes stay as an admin may have set them. */
export async function followDocument(
  transaction: ScopedTransaction,
  document: ClientDocument,
): Promise<Outcome<undefined>> {
  const record = await recordOf(transaction, document.url)
  if (!record || record.revokedAt || !isOutdated(record, document)) return { result: undefined, events: [] }
  const { id, ref } = record
  const updatedAt = new Date(document.fetchedAt)
  // Nodes keep copies of different ages: the record only ever follows a later one.
  const where = { id, updatedAt: { lt: updatedAt } }
  const { count } = await transaction.client.updateMany({ where, data: { name: document.name, updatedAt } })
  if (!count) return { result: undefined, events: [] }
  const described = { redirectUris: [...document.redirectUris], homepage: document.homepage ?? null }
  await transaction.app.update({ where: { clientId: id }, data: described })
  const details = { name: document.name, client_id: document.url, redirect_uris: document.redirectUris }
  const event = { action: 'app.changed_by_document', target: { type: 'app', id }, details }
  return { result: undefined, events: [event], moved: [{ ref, kill: false }] }
}

/** What a record says of its client that the document says as well. */
export interface Described {
  readonly name: string
  readonly redirectUris: readonly string[]
  readonly homepage: string | null
  readonly updatedAt: Date
}

export const isOutdated = (record: Described, document: ClientDocument): boolean =>
  record.updatedAt.getTime() < document.fetchedAt &&
  (record.name !== document.name ||
    record.homepage !== (document.homepage ?? null) ||
    record.redirectUris.join(' ') !== document.redirectUris.join(' '))

/** Of the scope's tenant and mode. */
export async function recordOf({ app }: Pick<ScopedTransaction, 'app'>, url: string) {
  const row = await app.findFirst({ where: { metadataUrl: url }, include: { client: true } })
  if (!row) return undefined
  const { id, ref, name, revokedAt, updatedAt } = row.client
  return { id, ref, name, revokedAt, updatedAt, redirectUris: row.redirectUris, homepage: row.homepage }
}
