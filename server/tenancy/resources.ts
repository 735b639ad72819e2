import type { Outcome } from '../audit/change.ts'
import type { AuditEvent } from '../audit/entry.ts'
import { changedColumns } from '../credentials/client-columns.ts'
import { newRecordId } from '../credentials/format.ts'
import type { ScopedTransaction, TenantScope } from './scoped-database.ts'
import type { Tenant } from './tenant.ts'

export interface NewResource {
  readonly identifier: string
  readonly name: string
  readonly scopes: string[]
  readonly tokenValidity: number | null
}

export type ResourceRow = Awaited<ReturnType<ScopedTransaction['resource']['findFirstOrThrow']>>

/** Every node reads the tenant anew after it, so tokens for the resource can be had at once. */
export async function registerResource(
  transaction: ScopedTransaction,
  scope: TenantScope,
  tenant: Pick<Tenant, 'ref'>,
  { identifier, name, scopes, tokenValidity }: NewResource,
  now: Date,
): Promise<Outcome<ResourceRow>> {
  const id = newRecordId('res')
  const row = await transaction.resource.create({
    data: { ...scope, id, identifier, name, scopes, tokenValidity, createdAt: now, updatedAt: now },
  })
  const event = { action: 'resource.created', target: { type: 'resource', id }, details: { identifier, scopes } }
  return { result: row, events: [event], moved: [{ ref: tenant.ref, kill: false }] }
}

/** What isn't there stays as it is. A scope that is named in neither stays what it is. */
export interface ResourceChanges {
  readonly name?: string | undefined
  readonly tokenValidity?: number | null | undefined
  /** Can be had from now on: new ones, or deprecated ones again. */
  readonly scopes?: readonly string[] | undefined
  /** Can't be had any more. */
  readonly deprecatedScopes?: readonly string[] | undefined
}

/** The default resource has no row before its first change. */
export const unchangedDefault = (
  scope: TenantScope,
  { identifier, name }: Pick<ResourceRow, 'identifier' | 'name'>,
  now: Date,
): ResourceRow => ({
  ...{ ...scope, id: newRecordId('res'), identifier, name, scopes: [], deprecatedScopes: [], tokenValidity: null },
  ...{ createdAt: now, updatedAt: now, deprecatedAt: null },
})

/** Every node reads the tenant anew after it. Tokens that there are keep what they have until they expire. */
export async function changeResource(
  transaction: ScopedTransaction,
  tenant: Pick<Tenant, 'ref'>,
  before: ResourceRow,
  { name, tokenValidity, scopes = [], deprecatedScopes = [] }: ResourceChanges,
  now: Date,
): Promise<Outcome<ResourceRow>> {
  const columns = {
    ...(name !== undefined && { name }),
    ...(tokenValidity !== undefined && { tokenValidity }),
    scopes: moveInto(before.scopes, scopes, deprecatedScopes),
    deprecatedScopes: moveInto(before.deprecatedScopes, deprecatedScopes, scopes),
  }
  const changed = changedColumns(before, columns)
  if (!changed.length) return { result: before, events: [] }
  const data = { ...columns, updatedAt: now }
  const row = await transaction.resource.upsert({
    ...{ where: { id: before.id }, update: data, create: { ...before, ...data } },
  })
  const added = row.scopes.filter((scope) => !before.scopes.includes(scope))
  const deprecated = row.deprecatedScopes.filter((scope) => !before.deprecatedScopes.includes(scope))
  const event = eventOf('changed', row, { changed, added_scopes: added, deprecated_scopes: deprecated })
  return { result: row, events: [event], moved: [{ ref: tenant.ref, kill: false }] }
}

const moveInto = (before: readonly string[], more: readonly string[], less: readonly string[]): string[] =>
  [...new Set([...before, ...more])].filter((scope) => !less.includes(scope))

/** Without new tokens, or with them again. Asked again, every node is told again. */
export async function switchResource(
  transaction: ScopedTransaction,
  tenant: Pick<Tenant, 'ref'>,
  before: ResourceRow,
  to: 'deprecated' | 'restored',
  now: Date,
): Promise<Outcome<ResourceRow>> {
  const moved = [{ ref: tenant.ref, kill: false }]
  const deprecates = to === 'deprecated'
  if ((before.deprecatedAt !== null) === deprecates) return { result: before, events: [], moved }
  const data = { deprecatedAt: deprecates ? now : null, updatedAt: now }
  const row = await transaction.resource.update({ where: { id: before.id }, data })
  return { result: row, events: [eventOf(to, row)], moved }
}

const eventOf = (what: string, { id, identifier }: ResourceRow, more: NonNullable<AuditEvent['details']> = {}) => ({
  action: `resource.${what}`,
  target: { type: 'resource', id },
  details: { identifier, ...more },
})
