import { beforeAll, describe, expect, test } from 'vitest'
import { scopesOfRole } from '../../server/tenancy/scopes.ts'
import { describeDeployment } from '../deployments.ts'
import { type Caller, startDeployment, type TestDeployment } from '../start.ts'
import { changeOf } from '../tenants.ts'
import { expectProblem } from './problem.ts'

const PROVIDERS = '/v1/workload-providers'
const CONDITIONS = [{ claim: 'repository_id', op: 'equals', value: '74' }]
const READ = 'workload-providers:read'
const WRITE = 'workload-providers:write'

describeDeployment('database', 'no binding gives more power than whoever makes or changes it has', (open) => {
  let deployment: TestDeployment
  let live: Caller
  let full: string
  /** Holds what a viewer does, and may write workload providers. */
  let weak: string
  const users: Record<'viewer' | 'admin', string> = { viewer: '', admin: '' }

  beforeAll(async () => {
    deployment = await startDeployment(open)
    live = deployment.nodes[0].at('live')
    full = deployment.made.live.api_key
    weak = await keyWith([...scopesOfRole('viewer'), WRITE])
    for (const role of ['viewer', 'admin'] as const) {
      users[role] = (await live.api('POST', '/v1/service-users', full, { name: role, role })).body.id
    }
  })

  const keyWith = async (scopes: string[]): Promise<string> =>
    (await live.api('POST', '/v1/api-keys', full, { kind: 'standard', name: 'k', scopes })).body.api_key
  const provider = async (by = full): Promise<string> =>
    (await live.api('POST', PROVIDERS, by, { platform: 'github-actions', name: 'p' })).body.id
  const bind = (by: string, to: string, role: keyof typeof users, more: object = {}) =>
    live.api('POST', `${PROVIDERS}/${to}/bindings`, by, {
      service_user_id: users[role],
      conditions: CONDITIONS,
      ...more,
    })
  const refused = { scope: expect.stringMatching(/:/) }

  test('workload-providers:read reads and workload-providers:write writes, neither the other', async () => {
    const [reads, writes] = [await keyWith([READ]), await keyWith([WRITE])]
    const id = await provider()
    const binding = (await bind(full, id, 'viewer')).body.id
    const provide = { platform: 'gcp', name: 'p' }
    const calls = [
      ['GET', '/v1/workload-platforms', undefined, reads, writes, READ, 200],
      ['GET', PROVIDERS, undefined, reads, writes, READ, 200],
      ['GET', `${PROVIDERS}/${id}`, undefined, reads, writes, READ, 200],
      ['GET', `${PROVIDERS}/${id}/bindings`, undefined, reads, writes, READ, 200],
      ['GET', `/v1/workload-bindings/${binding}`, undefined, reads, writes, READ, 200],
      ['POST', `${PROVIDERS}/${id}/explain`, { subject_token: 'x' }, reads, writes, READ, 200],
      ['POST', PROVIDERS, provide, writes, reads, WRITE, 201],
      ['PATCH', `${PROVIDERS}/${id}`, { name: 'n' }, writes, reads, WRITE, 200],
      ['PATCH', `/v1/workload-bindings/${binding}`, { name: 'n' }, writes, reads, WRITE, 200],
      ['DELETE', `/v1/workload-bindings/${binding}`, undefined, writes, reads, WRITE, 204],
      ['DELETE', `${PROVIDERS}/${id}`, undefined, writes, reads, WRITE, 204],
    ] as const
    for (const [method, path, body, may, mayNot, scope, status] of calls) {
      expectProblem(await live.api(method, path, mayNot, body), 403, 'insufficient_scope', { scope })
      expect([method, path, (await live.api(method, path, may, body)).status]).toEqual([method, path, status])
    }
  })

  test('a service user that has more than the caller is not bound by them, whatever scopes are named', async () => {
    const id = await provider(weak)
    expectProblem(await bind(weak, id, 'admin'), 403, 'insufficient_scope', refused)
    expectProblem(await bind(weak, id, 'admin', { scopes: ['apps:read'] }), 403, 'insufficient_scope', refused)
    expect((await bind(weak, id, 'viewer')).status).toBe(201)
  })

  test('without scopes the caller’s own, never all; and none beyond', async () => {
    const id = await provider()
    expect((await bind(full, id, 'viewer')).body.scopes).toBeNull()
    const { body } = await bind(weak, id, 'viewer')
    expect([...body.scopes].sort()).toEqual([...scopesOfRole('viewer'), WRITE].sort())
    const beyond = await bind(weak, id, 'viewer', { scopes: ['tenant:write'] })
    expectProblem(beyond, 403, 'insufficient_scope', { scope: 'tenant:write' })
  })

  describe('who could make a stronger binding theirs', () => {
    test.each([
      ['other conditions', { conditions: [{ ...CONDITIONS[0], value: '666' }] }],
      ['switched on again', { disabled: false }],
      ['longer', { token_validity: 3_600 }],
      ['with scopes that they have', { scopes: ['apps:read'], conditions: [{ ...CONDITIONS[0], value: '666' }] }],
    ])('%s: refused', async (_, changes) => {
      const { id } = (await bind(full, await provider(), 'admin')).body
      const path = `/v1/workload-bindings/${id}`
      const before = (await live.api('GET', path, full)).body
      expectProblem(await live.api('PATCH', path, weak, changes), 403, 'insufficient_scope', refused)
      expect((await live.api('GET', path, full)).body).toEqual(before)
    })

    test('one with full access is full access’s', async () => {
      const { id } = (await bind(full, await provider(), 'viewer')).body
      const response = await live.api('PATCH', `/v1/workload-bindings/${id}`, weak, { conditions: CONDITIONS })
      expectProblem(response, 403, 'insufficient_scope', { detail: expect.stringMatching(/full access/) })
    })

    test('one that is widened while they ask is not theirs', async () => {
      const { database } = deployment.storage
      const { id } = (await bind(full, await provider(), 'viewer', { scopes: ['apps:read'] })).body
      const { tenantId } = await database.workloadBinding.findUniqueOrThrow({ where: { id } })
      const isWaited = async () => {
        const [row] = await database.$queryRaw<{ waits: boolean }[]>`
          SELECT count(*) > 0 AS waits FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()`
        return row?.waits
      }
      const actor = { type: 'operator' as const, id: 'test', name: 'a test' }
      const asked = await changeOf(deployment)({ tenantId, mode: 'live' }, { actor }, async (transaction) => {
        const changes = { conditions: [{ ...CONDITIONS[0], value: '666' }] }
        const answer = live.api('PATCH', `/v1/workload-bindings/${id}`, weak, changes).then((response) => response)
        while (!(await isWaited())) {}
        await transaction.workloadBinding.update({ where: { id }, data: { allScopes: true, scopes: [] } })
        return { result: { answer }, events: [] }
      })
      expectProblem(await asked.answer, 403, 'insufficient_scope', { detail: expect.stringMatching(/full access/) })
    })

    test('narrowed to what they have it is theirs; to name, switch off and delete it anybody may', async () => {
      const { id } = (await bind(full, await provider(), 'viewer')).body
      const path = `/v1/workload-bindings/${id}`
      const changes = { scopes: ['apps:read'], conditions: [{ ...CONDITIONS[0], value: '75' }] }
      expect((await live.api('PATCH', path, weak, changes)).body).toMatchObject(changes)
      const writes = await keyWith([WRITE])
      expect((await live.api('PATCH', path, writes, { name: 'n', disabled: true })).status).toBe(200)
      expect((await live.api('DELETE', path, writes)).status).toBe(204)
    })
  })

  describe('who could make the provider of a stronger binding theirs', () => {
    test.each([
      ['keys of their own', { jwks_uri: 'https://evil.example/jwks' }],
      ['an audience more', { audiences: ['https://evil.example'] }],
      ['tokens that are good again', { single_use: false }],
      ['switched on again', { disabled: false }],
    ])('%s: refused', async (_, changes) => {
      const id = await provider()
      await bind(full, id, 'admin')
      const path = `${PROVIDERS}/${id}`
      expectProblem(await live.api('PATCH', path, weak, changes), 403, 'insufficient_scope', refused)
      expect((await live.api('PATCH', path, full, changes)).status).toBe(200)
    })

    test('to name and switch it off anybody may; and all, where nothing hangs on it', async () => {
      const id = await provider()
      const changes = { jwks_uri: 'https://keys.example/jwks' }
      expect((await live.api('PATCH', `${PROVIDERS}/${id}`, weak, changes)).status).toBe(200)
      await bind(full, id, 'admin')
      const off = { name: 'n', disabled: true, single_use: true }
      expect((await live.api('PATCH', `${PROVIDERS}/${id}`, weak, off)).status).toBe(200)
    })
  })
})
