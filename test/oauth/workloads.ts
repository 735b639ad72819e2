import { newClientRef, newRecordId } from '../../server/credentials/format.ts'
import type { Mode } from '../../server/mode/mode.ts'
import type { Condition, Platform, WorkloadBinding } from '../../server/workload-identity/model.ts'
import type { Caller, TestDeployment } from '../start.ts'
import { changeOf } from '../tenants.ts'

export const TOKEN_EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange'
export const JWT_BEARER = 'urn:ietf:params:oauth:grant-type:jwt-bearer'
export const type = (name: string): string => `urn:ietf:params:oauth:token-type:${name}`

export interface TestServiceUser {
  readonly id: string
  readonly client_id: string
}

export async function createServiceUser(caller: Caller, apiKey: string, role = 'editor'): Promise<TestServiceUser> {
  const { status, body } = await caller.api('POST', '/v1/service-users', apiKey, { name: 'deployer', role })
  if (status !== 201) throw new Error(`no service user: ${status} ${JSON.stringify(body)}`)
  return body
}

export interface TestProvider {
  readonly id: string
  readonly tenantId: string
}

export interface TestBinding {
  readonly id: string
  readonly ref: string
}

interface NewProvider {
  readonly issuer: string
  readonly platform?: Platform
  readonly audiences?: string[]
  readonly singleUse?: boolean
}

interface NewBinding {
  readonly conditions: readonly Condition[]
  readonly scopes?: WorkloadBinding['scopes']
  readonly tokenValidity?: number
}

const OPERATOR = { actor: { type: 'operator' as const, id: 'test', name: 'a test' } }

/** Providers and bindings as rows, which need not satisfy what the management API asks of them. */
export function createWorkloads({ storage, clock }: Pick<TestDeployment, 'storage' | 'clock'>, mode: Mode = 'live') {
  const change = changeOf({ storage, clock })
  const { database } = storage
  const event = (action: string) => ({ action, target: { type: 'workload', id: 'test' } })
  const tenantIdOf = async () => (await database.tenant.findFirstOrThrow({ where: { name: 'default' } })).id
  const stamps = () => ({ createdBy: 'test', createdAt: new Date(clock.now()), updatedAt: new Date(clock.now()) })

  /** A change of a service user's bindings, by which every node learns of it. */
  const changed = async (
    user: TestServiceUser,
    kill: readonly string[],
    work: (tx: Transaction) => Promise<unknown>,
  ) => {
    const tenantId = await tenantIdOf()
    const { ref } = await database.client.findFirstOrThrow({ where: { id: user.id } })
    await change({ tenantId, mode }, OPERATOR, async (transaction) => ({
      result: await work(transaction),
      events: [event('workload.changed')],
      moved: [{ ref, kill: false }, ...kill.map((killed) => ({ ref: killed, kill: true }))],
    }))
  }

  return {
    async provider({
      issuer,
      platform = 'oidc',
      audiences = [],
      singleUse = false,
    }: NewProvider): Promise<TestProvider> {
      const tenantId = await tenantIdOf()
      const id = newRecordId('wp')
      const row = { id, tenantId, mode, platform, name: 'A platform', issuer, audiences, singleUse, ...stamps() }
      await database.workloadProvider.create({ data: row })
      return { id, tenantId }
    },

    async binding(provider: TestProvider, user: TestServiceUser, wanted: NewBinding): Promise<TestBinding> {
      const { conditions, scopes = 'all', tokenValidity = null } = wanted
      const { tenantId } = provider
      const id = newRecordId('bind')
      const ref = newClientRef()
      await database.standing.create({ data: { ref, tenantId, mode, kind: 'binding' } })
      await changed(user, [], (transaction) =>
        transaction.workloadBinding.create({
          data: {
            ...{ id, ref, tenantId, mode, providerId: provider.id, serviceUserId: user.id, tokenValidity },
            ...{ conditions: conditions as never, allScopes: scopes === 'all' },
            ...{ scopes: scopes === 'all' ? [] : [...scopes], ...stamps() },
          },
        }),
      )
      return { id, ref }
    },

    disableProvider: ({ id }: TestProvider, user: TestServiceUser, bindings: readonly TestBinding[]) =>
      changed(
        user,
        bindings.map(({ ref }) => ref),
        (transaction) =>
          transaction.workloadProvider.updateMany({ where: { id }, data: { disabledAt: new Date(clock.now()) } }),
      ),

    disableBinding: ({ id, ref }: TestBinding, user: TestServiceUser) =>
      changed(user, [ref], (transaction) =>
        transaction.workloadBinding.updateMany({ where: { id }, data: { disabledAt: new Date(clock.now()) } }),
      ),

    requireDpop: (user: TestServiceUser) =>
      changed(user, [], (transaction) =>
        transaction.client.updateMany({ where: { id: user.id }, data: { requireDpop: true } }),
      ),

    /** As revoking a service user would: its row, and the end of its tokens. */
    async endServiceUser(user: TestServiceUser) {
      const { ref } = await database.client.findFirstOrThrow({ where: { id: user.id } })
      await changed(user, [ref], (transaction) =>
        transaction.client.updateMany({ where: { id: user.id }, data: { revokedAt: new Date(clock.now()) } }),
      )
    },
  }
}

type Transaction = Parameters<Parameters<ReturnType<typeof changeOf>>[2]>[0]

export type Workloads = ReturnType<typeof createWorkloads>

export const equals = (claim: string, value: string | number | boolean): Condition => ({ claim, op: 'equals', value })
