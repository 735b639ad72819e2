import type { Outcome } from '../audit/change.ts'
import { newRecordId } from '../credentials/format.ts'
import type { ScopedTransaction, TenantScope } from './scoped-database.ts'
import type { Tenant } from './tenant.ts'

export interface NewResource {
  readonly identifier: string
  readonly name: string
  readonly scopes: string[]
  readonly tokenValidity: number | null
}

type ResourceRow = Awaited<ReturnType<ScopedTransaction['resource']['findFirstOrThrow']>>

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
    data: { ...scope, id, identifier, name, scopes, tokenValidity, createdAt: now },
  })
  const event = { action: 'resource.created', target: { type: 'resource', id }, details: { identifier, scopes } }
  return { result: row, events: [event], moved: [{ ref: tenant.ref, kill: false }] }
}
