import { LRUCache } from 'lru-cache'
import type { Outcome } from '../audit/change.ts'
import { newClientRef, newRecordId } from '../credentials/format.ts'
import type { Standings } from '../credentials/standings.ts'
import type { Mode } from '../mode/mode.ts'
import type { Database } from '../storage/database.ts'
import type { ScopedTransaction, TenantScope } from '../tenancy/scoped-database.ts'
import type { MemberRole } from '../tenancy/scopes.ts'

/** What a person allowed an app, as of `version`. Not there once it was withdrawn. */
export interface Consent {
  readonly id: string
  readonly ref: string
  readonly tenantId: string
  readonly memberId: string
  /** The person's role now: consent gives no more than the person has. */
  readonly memberRole: MemberRole
  readonly email: string
  /** The app's record. */
  readonly clientRecordId: string
  readonly scopes: ConsentedScopes
  readonly version: number
  readonly epoch: number
}

/** By the resource's identifier; those of OpenID Connect under {@link OPENID}. */
export type ConsentedScopes = Readonly<Record<string, readonly string[]>>
export const OPENID = 'openid'

export interface Consents {
  /** As it stands now, on every node; undefined if it was withdrawn. */
  read(ref: string): Promise<Consent | undefined>
  /** What this person allowed this app, if anything. */
  between(memberId: string, clientRecordId: string): Promise<Consent | undefined>
}

interface Needs {
  mode: Mode
  database: Pick<Database, 'consent' | 'member' | 'standing'>
  standings: Standings
}

/** Copies of consents, each compared with its standing at every use, as with clients. */
export function createConsents({ mode, database, standings }: Needs): Consents {
  const copies = new LRUCache<string, Consent>({ max: 50_000 })

  async function load(ref: string): Promise<Consent | undefined> {
    // The standing first: should a change come between, the copy looks older than it is and is read again.
    const standing = await database.standing.findFirst({ where: { ref, mode } })
    const row = standing && (await database.consent.findFirst({ where: { ref, mode, withdrawnAt: null } }))
    const member = row && (await database.member.findUnique({ where: { id: row.memberId } }))
    if (!member) return undefined
    return {
      id: row.id,
      ref,
      tenantId: row.tenantId,
      memberId: member.id,
      memberRole: member.role as MemberRole,
      email: member.email,
      clientRecordId: row.clientId,
      scopes: row.scopes as ConsentedScopes,
      version: standing.version,
      epoch: standing.epoch,
    }
  }

  async function read(ref: string): Promise<Consent | undefined> {
    const copy = copies.get(ref)
    const [standing] = copy ? await standings.read([ref]) : []
    if (copy && standing && copy.version >= standing.version) return copy
    const fresh = await load(ref)
    if (fresh) copies.set(ref, fresh)
    else copies.delete(ref)
    return fresh
  }

  return {
    read,
    async between(memberId, clientId) {
      const where = { memberId, clientId, mode, withdrawnAt: null }
      const row = await database.consent.findFirst({ where, select: { ref: true } })
      return row ? read(row.ref) : undefined
    },
  }
}

export interface ConsentGiven {
  readonly memberId: string
  readonly clientRecordId: string
  readonly scopes: ConsentedScopes
}

/** Adds to what was allowed before. What was minted before a withdrawal stays dead. */
export async function giveConsent(
  transaction: ScopedTransaction,
  scope: TenantScope,
  { memberId, clientRecordId, scopes }: ConsentGiven,
  now: Date,
): Promise<Outcome<{ ref: string }>> {
  const between = { memberId, clientId: clientRecordId }
  const before = await transaction.consent.findFirst({ where: between })
  const known = before && !before.withdrawnAt ? (before.scopes as ConsentedScopes) : {}
  const all = merged(known, scopes)
  const target = { type: 'consent', id: before?.id ?? newRecordId('con') }
  const details = { member_id: memberId, client_id: clientRecordId, scopes: Object.values(scopes).flat() }
  const events = [{ action: 'consent.given', target, details }]
  if (before) {
    await transaction.consent.update({
      where: { id: before.id },
      data: { scopes: all, updatedAt: now, withdrawnAt: null, ...(before.withdrawnAt && { createdAt: now }) },
    })
    return { result: { ref: before.ref }, events, moved: [{ ref: before.ref, kill: false }] }
  }
  const ref = newClientRef()
  await transaction.standing.create({ data: { ...scope, ref, kind: 'consent', memberId } })
  await transaction.consent.create({
    data: { ...scope, ...between, id: target.id, ref, scopes: all, createdAt: now, updatedAt: now },
  })
  return { result: { ref }, events }
}

function merged(one: ConsentedScopes, other: ConsentedScopes): Record<string, string[]> {
  const resources = [...new Set([...Object.keys(one), ...Object.keys(other)])]
  return Object.fromEntries(
    resources.map((resource) => [resource, [...new Set([...(one[resource] ?? []), ...(other[resource] ?? [])])]]),
  )
}

/** Ends at once what the app has in the person's name, on every node. Undefined if there is no such consent. */
export async function withdrawConsent(
  transaction: ScopedTransaction,
  { id, memberId }: { id: string; memberId: string },
  now: Date,
): Promise<Outcome<{ ref: string } | undefined>> {
  const row = await transaction.consent.findFirst({ where: { id, memberId } })
  if (!row) return { result: undefined, events: [] }
  const moved = [{ ref: row.ref, kill: true }]
  if (row.withdrawnAt) return { result: row, events: [], moved }
  await transaction.consent.update({ where: { id }, data: { withdrawnAt: now, updatedAt: now, scopes: {} } })
  const details = { member_id: memberId, client_id: row.clientId }
  return { result: row, events: [{ action: 'consent.withdrawn', target: { type: 'consent', id }, details }], moved }
}
