import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Change } from '../../server/audit/change.ts'
import { createServiceUser } from '../../server/credentials/service-users.ts'
import type { Database } from '../../server/storage/database.ts'
import type { ScopedTransaction, TenantScope } from '../../server/tenancy/scoped-database.ts'
import {
  type BindingChanges,
  createBinding,
  deleteBinding,
  updateBinding,
} from '../../server/workload-identity/binding-changes.ts'
import { createBindings } from '../../server/workload-identity/bindings.ts'
import type { Condition, IssuerKeysSource } from '../../server/workload-identity/model.ts'
import {
  createProvider,
  deleteProvider,
  type ProviderChanges,
  updateProvider,
} from '../../server/workload-identity/providers.ts'
import { createTestClock } from '../clock.ts'
import { describeDeployments } from '../deployments.ts'
import { changeOf } from '../tenants.ts'

const AT = new Date('2030-01-01T00:00:00Z')
const OPERATOR = { actor: { type: 'operator' as const, id: 'test', name: 'a test' } }
const CONDITIONS: readonly Condition[] = [{ claim: 'sub', op: 'equals', value: 'a' }]
const uploaded = (...xs: string[]): IssuerKeysSource => ({
  by: 'uploaded',
  jwks: { keys: xs.map((x) => ({ kty: 'OKP', crv: 'Ed25519', x })) },
})

describeDeployments('bindings', (open) => {
  const scope: TenantScope = { tenantId: 'ten_one', mode: 'live' }
  let database: Database
  let change: Change
  let user: { id: string; ref: string }
  let providerId: string
  let bindingId: string

  beforeAll(async () => {
    const { nodes } = await open()
    database = nodes[0].database
    change = changeOf({ storage: nodes[0], clock: createTestClock() })
    await database.tenant.create({
      data: { id: 'ten_one', name: 'one', plan: 'standard', status: 'active', createdAt: AT },
    })
  })

  const inChange = <T>(work: Parameters<typeof change<T>>[2]) => change(scope, OPERATOR, work)
  const newUser = async () => {
    const settings = { name: 'u', description: null, role: 'viewer', teams: [], jwks: null, createdBy: 't' } as const
    return inChange((transaction) => createServiceUser(transaction, scope, settings, AT))
  }
  const newProvider = () => {
    const keys = uploaded('a', 'b')
    const settings = { name: 'p', audiences: ['a', 'b'], keys, singleUse: false, createdBy: 't' }
    const provider = { ...settings, platform: 'oidc', issuer: 'https://i.example' } as const
    return inChange((transaction) => createProvider(transaction, scope, provider, AT))
  }
  const newBinding = (more: object = {}) => {
    const settings = { name: null, conditions: CONDITIONS, scopes: ['a:read', 'b:read'], tokenValidity: null }
    const binding = { ...settings, providerId, serviceUserId: user.id, createdBy: 't', ...more }
    return inChange((transaction: ScopedTransaction) => createBinding(transaction, scope, binding, AT))
  }

  beforeEach(async () => {
    user = await newUser()
    providerId = (await newProvider()).id
    bindingId = (await newBinding())?.id as string
  })

  /** As the hot store and the database have them: every node asks one of the two. */
  const standingOf = (ref: string) => database.standing.findUniqueOrThrow({ where: { ref } })
  const client = async () => ({ ...user, tenantId: scope.tenantId, version: (await standingOf(user.ref)).version })
  const refOf = async () => (await database.workloadBinding.findUniqueOrThrow({ where: { id: bindingId } })).ref
  const lastActions = async (count: number) => {
    const entries = await database.auditEntry.findMany({ orderBy: { seq: 'desc' }, take: count })
    return entries.map(({ action }) => action).reverse()
  }

  /** What a change does to the standing of the service user, and of the binding. */
  async function moves(work: () => Promise<unknown>) {
    const ref = await refOf()
    const [one, binding] = [await standingOf(user.ref), await standingOf(ref)]
    await work()
    const [after, bindingAfter] = [await standingOf(user.ref), await standingOf(ref)]
    return {
      user: after.version - one.version,
      userKilled: after.epoch !== one.epoch,
      bindingKilled: bindingAfter.epoch > binding.epoch,
    }
  }
  const READ_ANEW = { user: 1, userKilled: false, bindingKilled: false }
  const ENDED = { ...READ_ANEW, bindingKilled: true }

  const patchBinding = (changes: BindingChanges) =>
    inChange((transaction) => updateBinding(transaction, bindingId, changes, AT))
  const patchProvider = (changes: ProviderChanges) =>
    inChange((transaction) => updateProvider(transaction, providerId, changes, AT))

  test('a new one: its service user is read anew, and it is found with its provider and epoch', async () => {
    const bindings = createBindings({ mode: 'live', database })
    expect(await bindings.of(await client())).toEqual([
      {
        ...{ id: bindingId, ref: await refOf(), epoch: 1, conditions: CONDITIONS, scopes: ['a:read', 'b:read'] },
        ...{ tokenValidity: undefined, disabled: false },
        provider: {
          ...{ id: providerId, tenantId: 'ten_one', platform: 'oidc', name: 'p', issuer: 'https://i.example' },
          ...{ audiences: ['a', 'b'], singleUse: false, disabled: false },
          keys: uploaded('a', 'b'),
        },
      },
    ])
    expect(await moves(() => newBinding())).toEqual(READ_ANEW)
    expect(await lastActions(1)).toEqual(['workload_binding.created'])
  })

  test('a copy is kept as long as its service user’s version, and no longer', async () => {
    let reads = 0
    const workloadBinding = {
      findMany: (args: never) => {
        reads += 1
        return database.workloadBinding.findMany(args)
      },
    } as unknown as Database['workloadBinding']
    const bindings = createBindings({ mode: 'live', database: { workloadBinding, standing: database.standing } })
    const before = await client()
    await bindings.of(before)
    const once = reads
    expect(await bindings.of(before)).toHaveLength(1)
    expect(reads).toBe(once)
    await newBinding()
    expect(await bindings.of(await client())).toHaveLength(2)
    expect(reads).toBe(2 * once)
  })

  test('of another mode, or of another tenant: none', async () => {
    expect(await createBindings({ mode: 'test', database }).of(await client())).toEqual([])
    const stranger = { ...(await client()), tenantId: 'ten_other' }
    expect(await createBindings({ mode: 'live', database }).of(stranger)).toEqual([])
  })

  test('no service user, or one that is none: no binding, and no trace of one', async () => {
    const count = await database.standing.count()
    expect(await newBinding({ serviceUserId: 'su_nobody' })).toBeUndefined()
    expect(await newBinding({ providerId: 'wp_nobody' })).toBeUndefined()
    expect(await database.standing.count()).toBe(count)
  })

  describe('a change of a binding', () => {
    test.each<[string, BindingChanges, typeof ENDED, string]>([
      ['its name', { name: 'n' }, READ_ANEW, 'changed'],
      ['more scopes', { scopes: 'all' }, READ_ANEW, 'changed'],
      ['fewer scopes', { scopes: ['a:read'] }, ENDED, 'changed'],
      ['other conditions', { conditions: [{ claim: 'sub', op: 'equals', value: 'b' }] }, ENDED, 'changed'],
      ['disabled', { disabled: true }, ENDED, 'disabled'],
    ])('%s', async (_, changes, expected, action) => {
      expect(await moves(() => patchBinding(changes))).toEqual(expected)
      expect(await lastActions(1)).toEqual([`workload_binding.${action}`])
    })

    test('disabled again, the end is repeated and nothing more is written; enabled, it is read anew', async () => {
      await patchBinding({ disabled: true })
      const entries = await database.auditEntry.count()
      expect(await moves(() => patchBinding({ disabled: true }))).toEqual(ENDED)
      expect(await database.auditEntry.count()).toBe(entries)
      expect(await moves(() => patchBinding({ disabled: false }))).toEqual(READ_ANEW)
      expect(await lastActions(1)).toEqual(['workload_binding.enabled'])
    })

    test('deleted: ended, and its standing stays to say so', async () => {
      expect(await moves(() => inChange((transaction) => deleteBinding(transaction, bindingId)))).toEqual(ENDED)
      expect(await lastActions(1)).toEqual(['workload_binding.deleted'])
      expect(await createBindings({ mode: 'live', database }).of(await client())).toEqual([])
      expect(await patchBinding({ name: 'n' })).toBeUndefined()
    })
  })

  describe('a change of a provider', () => {
    test.each<[string, ProviderChanges, typeof ENDED, string]>([
      ['its name', { name: 'n' }, READ_ANEW, 'changed'],
      ['one audience more', { audiences: ['a', 'b', 'c'] }, READ_ANEW, 'changed'],
      ['one audience less', { audiences: ['a'] }, ENDED, 'changed'],
      ['one key more', { keys: uploaded('a', 'b', 'c') }, READ_ANEW, 'changed'],
      ['one key less', { keys: uploaded('a') }, ENDED, 'changed'],
      ['keys from elsewhere', { keys: { by: 'discovery' } }, ENDED, 'changed'],
      ['single use', { singleUse: true }, READ_ANEW, 'changed'],
      ['disabled', { disabled: true }, ENDED, 'disabled'],
    ])('%s', async (_, changes, expected, action) => {
      expect(await moves(() => patchProvider(changes))).toEqual(expected)
      expect(await lastActions(1)).toEqual([`workload_provider.${action}`])
    })

    test('with a name and disabled both are written', async () => {
      await patchProvider({ name: 'n', disabled: true })
      expect(await lastActions(2)).toEqual(['workload_provider.changed', 'workload_provider.disabled'])
      const [binding] = await createBindings({ mode: 'live', database }).of(await client())
      expect(binding).toMatchObject({ disabled: false, provider: { name: 'n', disabled: true } })
      await patchProvider({ disabled: false })
      expect(await lastActions(1)).toEqual(['workload_provider.enabled'])
    })

    test('deleted, its bindings go with it, and are ended', async () => {
      const deleting = () => inChange((transaction) => deleteProvider(transaction, providerId, AT))
      const ref = await refOf()
      const { epoch } = await standingOf(ref)
      await deleting()
      expect((await standingOf(ref)).epoch).toBe(epoch + 1)
      expect(await database.workloadBinding.count({ where: { id: bindingId } })).toBe(0)
      expect(await lastActions(1)).toEqual(['workload_provider.deleted'])
      expect(await deleting()).toBeUndefined()
      expect(await patchProvider({ name: 'n' })).toBeUndefined()
    })

    test('of several service users each is read anew, once', async () => {
      const other = await newUser()
      await newBinding()
      await newBinding({ serviceUserId: other.id })
      const { version } = await standingOf(other.ref)
      expect(await moves(() => patchProvider({ disabled: true }))).toEqual(ENDED)
      expect((await standingOf(other.ref)).version).toBe(version + 1)
    })

    test('a binding that is made while its provider is deleted never outlives it', async () => {
      for (let round = 0; round < 5; round++) {
        const { id } = await newProvider()
        const results = await Promise.allSettled([
          newBinding({ providerId: id }),
          inChange((transaction) => deleteProvider(transaction, id, AT)),
        ])
        const made = results[0].status === 'fulfilled' ? results[0].value : undefined
        expect(await database.workloadBinding.count({ where: { providerId: id } })).toBe(0)
        if (made) expect((await standingOf((made as { ref: string }).ref)).epoch).toBe(2)
      }
    })
  })
})
