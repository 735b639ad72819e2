import { createAppend } from '../server/audit/append.ts'
import { createChain } from '../server/audit/chain.ts'
import { type Change, createChange } from '../server/audit/change.ts'
import { createDigests } from '../server/credentials/digest.ts'
import { newClientRef, newRecordId, splitKey } from '../server/credentials/format.ts'
import { issueKey, type NewKey } from '../server/credentials/keys.ts'
import { deriveMasterKeys } from '../server/credentials/master-key.ts'
import { MODES, type Mode } from '../server/mode/mode.ts'
import type { Plan, TenantStatus } from '../server/tenancy/tenant.ts'
import { MASTER_KEY, type TestDeployment } from './start.ts'

export interface TestKey {
  readonly api_key: string
  readonly client_id: string
  readonly client_secret: string
}

/** A tenant with a full-access key in each mode. */
export interface TestTenant {
  readonly id: string
  readonly keys: Record<Mode, TestKey>
}

const OPERATOR = { actor: { type: 'operator' as const, id: 'test', name: 'a test' } }

const FULL_ACCESS: NewKey = {
  ...{ kind: 'standard', name: 'Full access', description: null, scopes: 'all', tokenValidity: null },
  ...{ requireDpop: false, expiresAt: null, createdBy: 'test' },
}

type Stores = Pick<TestDeployment, 'storage' | 'clock' | 'masterKeys'>

export const changeOf = ({ storage, clock }: Pick<Stores, 'storage' | 'clock'>): Change => {
  const append = createAppend(createChain(deriveMasterKeys([MASTER_KEY])))
  return createChange({ database: storage.database, state: storage.state, clock, append })
}

/** One more tenant, made of the rows that a first start makes. */
export async function createTenant(stores: Stores, plan: Plan = 'enterprise'): Promise<TestTenant> {
  const { storage, clock, masterKeys } = stores
  const { database } = storage
  const id = newRecordId('ten')
  const createdAt = new Date(clock.now())
  await database.tenant.create({ data: { id, name: `The tenant ${id}`, plan, status: 'active', createdAt } })
  const keys = {} as Record<Mode, TestKey>
  for (const mode of MODES) {
    const scope = { tenantId: id, mode }
    await database.standing.create({ data: { ...scope, ref: newClientRef(), kind: 'tenant' } })
    const { apiKey = '' } = await changeOf(stores)(scope, OPERATOR, (transaction) =>
      issueKey(transaction, scope, createDigests(masterKeys), FULL_ACCESS, createdAt),
    )
    const { clientId, clientSecret } = splitKey(apiKey)
    keys[mode] = { api_key: apiKey, client_id: clientId, client_secret: clientSecret }
  }
  return { id, keys }
}

/** As an operator's command would: the row, and in both modes the standing by which every node learns of it. */
export async function setTenantStatus(stores: Stores, tenantId: string, status: TenantStatus): Promise<void> {
  const { database } = stores.storage
  await database.tenant.update({ where: { id: tenantId }, data: { status } })
  for (const mode of MODES) {
    const { ref } = await database.standing.findFirstOrThrow({ where: { tenantId, mode, kind: 'tenant' } })
    await changeOf(stores)({ tenantId, mode }, OPERATOR, async () => ({
      result: undefined,
      events: [{ action: 'tenant.changed', target: { type: 'tenant', id: tenantId }, details: { status } }],
      moved: [{ ref, kill: false }],
    }))
  }
}
