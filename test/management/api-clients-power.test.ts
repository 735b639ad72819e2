import { beforeAll, describe, expect, test } from 'vitest'
import { BUILT_IN_SCOPES } from '../../server/tenancy/scopes.ts'
import { describeDeployment } from '../deployments.ts'
import { type Caller, startDeployment, type TestDeployment } from '../start.ts'
import { createTenant } from '../tenants.ts'
import { addApiClient, chosen, tokenFor } from './api-clients.ts'
import { expectFields, expectProblem } from './problem.ts'

describeDeployment('database', 'who may give what to an API client, seed: knox-manage-api-clients', (open) => {
  let deployment: TestDeployment
  let live: Caller
  let full: string

  beforeAll(async () => {
    deployment = await startDeployment(open)
    live = deployment.nodes[0].at('live')
  })

  const newTenant = async () => {
    full = (await createTenant(deployment)).keys.live.api_key
    await live.api('POST', '/v1/resources', full, ORDERS)
  }
  const ORDERS = { identifier: 'https://orders.example', name: 'Orders', scopes: ['orders:read'] }
  const READING = BUILT_IN_SCOPES.filter((scope) => scope.endsWith(':read'))

  const keyWith = async (scopes: readonly string[]): Promise<string> =>
    (await live.api('POST', '/v1/api-keys', full, { kind: 'standard', name: 'k', scopes })).body.api_key

  test('api-clients:read reads and api-clients:write writes, neither the other', async () => {
    await newTenant()
    const reads = await keyWith(['api-clients:read'])
    const writes = await keyWith(BUILT_IN_SCOPES.filter((scope) => scope !== 'api-clients:read'))
    const { id } = await addApiClient(live, full)
    const path = `/v1/api-clients/${id}`
    const mayRead = { scope: 'api-clients:read' }
    for (const each of ['/v1/api-clients', path, `${path}/activity`]) {
      expect([each, (await live.api('GET', each, reads)).status]).toEqual([each, 200])
      expectProblem(await live.api('GET', each, writes), 403, 'insufficient_scope', mayRead)
    }
    const calls = [
      ['POST', '/v1/api-clients', chosen()],
      ['PATCH', path, {}],
      ['POST', `${path}/invalidate-tokens`, undefined],
      ['POST', `${path}/change-status`, undefined],
      ['POST', `${path}/duplicate`, chosen()],
      ['POST', '/v1/api-clients/delete', { ids: [id] }],
      ['DELETE', path, undefined],
    ] as const
    for (const [method, each, body] of calls) {
      expectProblem(await live.api(method, each, reads, body), 403, 'insufficient_scope', {
        scope: 'api-clients:write',
      })
    }
    expect((await live.api('DELETE', path, writes)).status).toBe(204)
  })

  test('a key that may only write API clients can’t make itself one that may more', async () => {
    await newTenant()
    const writer = await keyWith(['api-clients:write'])
    for (const permission of ['edit', 'read']) {
      const response = await live.api('POST', '/v1/api-clients', writer, chosen({ permission }))
      expectProblem(response, 403, 'insufficient_scope', { scope: expect.any(String) })
    }
    expect((await live.api('GET', '/v1/api-clients', full)).body.data).toEqual([])
  })

  test('who holds all that reads gives read; edit is beyond', async () => {
    await newTenant()
    const reader = await keyWith([...READING, 'api-clients:write'])
    const made = await addApiClient(live, reader, { permission: 'read' })
    expect((await tokenFor(live, made)).body.scope).toBe(READING.join(' '))
    for (const [method, path, body] of [
      ['POST', '/v1/api-clients', chosen()],
      ['PATCH', `/v1/api-clients/${made.id}`, { permission: 'edit' }],
    ] as const) {
      expectProblem(await live.api(method, path, reader, body), 403, 'insufficient_scope', { scope: 'api-keys:write' })
    }
    expect((await live.api('PATCH', `/v1/api-clients/${made.id}`, reader, { token_validity: 60 })).status).toBe(200)
  })

  test('who holds the whole management API gives that, and not the tenant’s other resources', async () => {
    await newTenant()
    const { body: token } = await live.form('/oauth/token', {
      grant_type: 'client_credentials',
      client_id: full.split('_').slice(0, 3).join('_'),
      client_secret: full.split('_').at(-1) as string,
    })
    const made = await addApiClient(live, token.access_token)
    expect((await tokenFor(live, made)).body.scope).toBe(BUILT_IN_SCOPES.join(' '))
    expect((await tokenFor(live, made, { resource: ORDERS.identifier })).body.error).toBe('invalid_scope')
    const all = await addApiClient(live, full)
    expect((await tokenFor(live, all, { resource: ORDERS.identifier })).body.scope).toBe('orders:read')
  })

  describe('who could make a stronger client theirs', () => {
    const TAKEOVERS: [string, 'PATCH' | 'POST', string, object | undefined][] = [
      ['its secret', 'PATCH', '', { client_secret: 'M1ne-now!' }],
      ['its secret while lowering it', 'PATCH', '', { client_secret: 'M1ne-now!', permission: 'read' }],
      ['its id', 'PATCH', '', { client_id: 'mine' }],
      ['its permission', 'PATCH', '', { permission: 'edit' }],
      ['its validity', 'PATCH', '', { token_validity: 86_400 }],
      ['a copy', 'POST', '/duplicate', { client_id: 'mine', client_secret: 'M1ne-now!' }],
    ]
    test.each(TAKEOVERS)('%s: refused', async (_, method, below, body) => {
      await newTenant()
      const weak = await keyWith(['api-clients:write', 'api-clients:read'])
      const client = await addApiClient(live, full)
      const path = `/v1/api-clients/${client.id}${below}`
      expectProblem(await live.api(method, path, weak, body), 403, 'insufficient_scope')
      const token = (await tokenFor(live, client)).body.access_token
      expectProblem(await live.api(method, path, token, body), 403, 'insufficient_scope')
      expect((await tokenFor(live, client)).status).toBe(200)
      expect((await live.api('GET', '/v1/api-clients', full)).body.data).toHaveLength(1)
    })

    test('activating gives power, and is refused; deactivating and lowering takes it, and is an admin’s to do', async () => {
      await newTenant()
      const weak = await keyWith(['api-clients:write'])
      const { id } = await addApiClient(live, full)
      const path = `/v1/api-clients/${id}`
      expect((await live.api('PATCH', path, weak, { status: 'inactive', permission: 'read' })).status).toBe(200)
      expectProblem(await live.api('PATCH', path, weak, { status: 'active' }), 403, 'insufficient_scope')
      expectProblem(await live.api('POST', `${path}/change-status`, weak), 403, 'insufficient_scope')
      expect((await live.api('POST', `${path}/change-status`, full)).body.status).toBe('active')
      expect((await live.api('POST', `${path}/change-status`, weak)).body.status).toBe('inactive')
      expect((await live.api('POST', `${path}/invalidate-tokens`, weak)).status).toBe(200)
      expect((await live.api('DELETE', path, weak)).status).toBe(204)
    })

    test('an editing client’s own token makes nothing that has more than it', async () => {
      await newTenant()
      const { access_token } = (await tokenFor(live, await addApiClient(live, full))).body
      const key = await live.api('POST', '/v1/api-keys', access_token, { kind: 'standard', name: 'k' })
      expect(key.body.scopes.sort()).toEqual([...BUILT_IN_SCOPES].sort())
      const { id } = await addApiClient(live, access_token)
      expect((await live.api('PATCH', `/v1/api-clients/${id}`, access_token, { token_validity: 61 })).status).toBe(200)
    })
  })

  test('a reading client makes no call but GET, even one that only reads', async () => {
    await newTenant()
    const { access_token } = (await tokenFor(live, await addApiClient(live, full, { permission: 'read' }))).body
    const provider = await live.api('POST', '/v1/workload-providers', full, { platform: 'github-actions', name: 'G' })
    const path = `/v1/workload-providers/${provider.body.id}/explain`
    expect((await live.api('POST', path, full, { subject_token: 'x' })).status).toBe(200)
    expectProblem(await live.api('POST', path, access_token, { subject_token: 'x' }), 403, 'insufficient_scope', {
      ...{ scope: 'workload-providers:read', detail: 'this API client may only read' },
    })
  })

  test('viewers, editors and members don’t: only admins', async () => {
    await newTenant()
    for (const [role, status] of [
      ['viewer', 403],
      ['editor', 403],
      ['admin', 201],
    ] as const) {
      const user = (await live.api('POST', '/v1/service-users', full, { name: role, role })).body
      const { service_token } = (await live.api('POST', `/v1/service-users/${user.id}/tokens`, full, { name: 't' }))
        .body
      const response = await live.api('POST', '/v1/api-clients', service_token, chosen())
      expect([role, response.status]).toEqual([role, status])
    }
  })

  describe('validation', () => {
    const good = { client_id: 'Someone', client_secret: 'G00d-enough', permission: 'edit' }
    const WRONG: [string, object, string][] = [
      ['50 characters', { client_id: 'x'.repeat(50) }, '/client_id'],
      ['no id', { client_id: '' }, '/client_id'],
      ['one of ours', { client_id: 'tk_live_abcdefgh' }, '/client_id'],
      ['a record’s', { client_id: 'mem_abcdefghijklmnop' }, '/client_id'],
      ['a URL', { client_id: 'https://client.example/' }, '/client_id'],
      ['NUL', { client_id: 'a\u0000b' }, '/client_id'],
      ['a number', { client_id: 7 }, '/client_id'],
      ['7 characters', { client_secret: 'Abcde1!' }, '/client_secret'],
      ['31 characters', { client_secret: `Abcdefg1!${'x'.repeat(22)}` }, '/client_secret'],
      ['no digit', { client_secret: 'Abcdefgh!' }, '/client_secret'],
      ['no letter', { client_secret: '12345678!' }, '/client_secret'],
      ['nothing special', { client_secret: 'Abcdefg1' }, '/client_secret'],
      ['the id in the secret', { client_secret: '1-SOMEone!' }, '/client_secret'],
      ['too short a validity', { token_validity: 59 }, '/token_validity'],
      ['too long a validity', { token_validity: 86_401 }, '/token_validity'],
      ['half a second', { token_validity: 60.5 }, '/token_validity'],
      ['no such permission', { permission: 'admin' }, '/permission'],
      ['no such field', { slot: 6 }, '/slot'],
    ]
    test.each(WRONG)('%s', async (_, more, pointer) => {
      await newTenant()
      expectFields(await live.api('POST', '/v1/api-clients', full, { ...good, ...more }), pointer)
      const { id } = await addApiClient(live, full)
      const body = 'client_secret' in more ? { ...more, client_id: good.client_id } : more
      expectFields(await live.api('PATCH', `/v1/api-clients/${id}`, full, body), pointer)
    })

    test('the new secret may not hold the id that stays', async () => {
      await newTenant()
      const { id } = await addApiClient(live, full, { client_id: 'Robot-77' })
      expectFields(
        await live.api('PATCH', `/v1/api-clients/${id}`, full, { client_secret: 'my-robot-77!' }),
        '/client_secret',
      )
    })
  })
})
