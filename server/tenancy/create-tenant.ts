import type { Append } from '../audit/append.ts'
import type { Origin } from '../audit/entry.ts'
import type { Clock } from '../clock.ts'
import type { Digests } from '../credentials/digest.ts'
import { newClientRef, splitKey } from '../credentials/format.ts'
import { issueKey, type NewKey } from '../credentials/keys.ts'
import { MODES, type Mode } from '../mode/mode.ts'
import type { ScopedTransaction, TenantScope } from './scoped-database.ts'
import type { Plan } from './tenant.ts'

export interface NewTenant {
  readonly id: string
  readonly name: string
  readonly plan: Plan
  readonly origin: Origin
  readonly key: Pick<NewKey, 'name' | 'description'>
}

/** A key as it is shown, this once. */
export interface CreatedKey {
  readonly api_key: string
  readonly client_id: string
  readonly client_secret: string
}

interface Needs {
  digests: Digests
  clock: Clock
  append: Append
}

/**
 * A tenant with a full-access key in each mode. Its first person is for the caller to make, in the same transaction.
 * Nobody has a copy of anything of it yet, so its audit entries are all that there is to do besides.
 */
export async function createTenant(
  transaction: ScopedTransaction,
  needs: Needs,
  tenant: NewTenant,
): Promise<Record<Mode, CreatedKey>> {
  const createdAt = new Date(needs.clock.now())
  const { id, name, plan } = tenant
  await transaction.tenant.create({ data: { id, name, plan, status: 'active', createdAt } })
  const keys = {} as Record<Mode, CreatedKey>
  for (const mode of MODES) keys[mode] = await makeMode(transaction, needs, { tenantId: id, mode }, tenant, createdAt)
  return keys
}

async function makeMode(
  transaction: ScopedTransaction,
  { digests, append }: Needs,
  scope: TenantScope,
  { origin, name, plan, key }: NewTenant,
  now: Date,
): Promise<CreatedKey> {
  await transaction.standing.create({ data: { ...scope, ref: newClientRef(), kind: 'tenant' } })
  const newKey = {
    ...{ ...key, kind: 'standard' as const, scopes: 'all' as const, tokenValidity: null, requireDpop: false },
    ...{ expiresAt: null, createdBy: origin.actor.id },
  }
  const { result, events } = await issueKey(transaction, scope, digests, newKey, now)
  const target = { type: 'tenant', id: scope.tenantId }
  const tenantCreated = { action: 'tenant.created', target, details: { name, plan } }
  for (const event of [tenantCreated, ...events]) await append(transaction, scope, origin, event, now)
  if (!result.apiKey) throw new Error('a standard key has a secret')
  const { clientId, clientSecret } = splitKey(result.apiKey)
  return { api_key: result.apiKey, client_id: clientId, client_secret: clientSecret }
}
