import { beforeAll, describe, expect, test } from 'vitest'
import { BUILT_IN_SCOPES } from '../../server/tenancy/scopes.ts'
import { describeDeployment, describeDeployments } from '../deployments.ts'
import { agree, createApp, createBrowser, createPerson } from '../oauth/people.ts'
import { TOKEN_EXCHANGE, type } from '../oauth/workloads.ts'
import { type Caller, startDeployment, type TestDeployment } from '../start.ts'
import { createTenant } from '../tenants.ts'
import { expectFields, expectProblem } from './problem.ts'

let made = 0
const freshIdentifier = () => `https://orders-${++made}.example`

describeDeployments('/v1/resources', (open) => {
  let deployment: TestDeployment
  let live: Caller
  let there: Caller
  let admin: string

  beforeAll(async () => {
    deployment = await startDeployment(open)
    live = deployment.nodes[0].at('live')
    there = deployment.nodes[1].at('live')
    admin = deployment.made.live.api_key
  })

  const create = async (scopes = ['orders:read', 'orders:write']) =>
    (await live.api('POST', '/v1/resources', admin, { identifier: freshIdentifier(), name: 'Orders', scopes })).body
  const patch = (id: string, body: object) => live.api('PATCH', `/v1/resources/${id}`, admin, body)
  const mint = (resource?: string, scope?: string) =>
    there.token(deployment.made.live, { ...(resource && { resource }), ...(scope && { scope }) })
  const introspect = async (token: string) => (await there.introspect(deployment.made.live, token)).body

  test('is shown as it was registered, changed, and by its id', async () => {
    const it = await create()
    expect(it).toEqual({
      ...{ id: expect.stringMatching(/^res_/), identifier: it.identifier, name: 'Orders', token_validity: null },
      ...{ scopes: ['orders:read', 'orders:write'], deprecated_scopes: [], status: 'active', deprecated_at: null },
      ...{ created_at: expect.stringMatching(/Z$/), updated_at: it.created_at },
    })
    expect((await there.api('GET', `/v1/resources/${it.id}`, admin)).body).toEqual(it)
    const changed = await patch(it.id, { name: 'Sales', token_validity: 120 })
    expect(changed.body).toMatchObject({ name: 'Sales', token_validity: 120, scopes: it.scopes })
    expect((await mint(it.identifier)).body.expires_in).toBe(120)
    expect((await there.api('GET', '/v1/resources', admin)).body.data).toContainEqual(changed.body)
  })

  test('a scope that is added can be had at once, on every node', async () => {
    const { id, identifier } = await create(['orders:read'])
    expect((await mint(identifier, 'orders:ship')).body.error).toBe('invalid_scope')
    expect((await patch(id, { scopes: ['orders:ship', 'orders:read'] })).body.scopes).toEqual([
      'orders:read',
      'orders:ship',
    ])
    expect((await mint(identifier, 'orders:ship')).body.scope).toBe('orders:ship')
  })

  test('a deprecated scope is in no new token; a token that there is keeps it; named again it can be had again', async () => {
    const { id, identifier } = await create()
    const before = (await mint(identifier)).body.access_token
    const changed = await patch(id, { deprecated_scopes: ['orders:write'] })
    expect(changed.body).toMatchObject({ scopes: ['orders:read'], deprecated_scopes: ['orders:write'] })
    expect(await introspect(before)).toMatchObject({ active: true, scope: 'orders:read orders:write' })
    expect((await mint(identifier)).body.scope).toBe('orders:read')
    expect((await mint(identifier, 'orders:write')).body.error).toBe('invalid_scope')
    expect((await patch(id, { scopes: ['orders:write'] })).body).toMatchObject({ deprecated_scopes: [] })
    expect((await mint(identifier, 'orders:write')).status).toBe(200)
  })

  test('nor by exchanging a token that has it', async () => {
    const { id, identifier } = await create()
    const subject_token = (await mint(identifier)).body.access_token
    await patch(id, { deprecated_scopes: ['orders:write'] })
    const exchange = (scope: string) =>
      there.form('/oauth/token', {
        ...{ grant_type: TOKEN_EXCHANGE, subject_token, subject_token_type: type('access_token'), scope },
        ...{ client_id: deployment.made.live.client_id, client_secret: deployment.made.live.client_secret },
        resource: identifier,
      })
    expect((await exchange('orders:write')).body.error).toBe('invalid_scope')
    expect((await exchange('orders:read')).body).toMatchObject({ scope: 'orders:read' })
  })

  test('nor by refreshing what a person agreed to', async () => {
    const { id, identifier } = await create()
    const app = await createApp(live, admin)
    const browser = createBrowser(live, await createPerson(deployment))
    const asked = { scope: 'orders:read orders:write offline_access', resource: identifier }
    const form = { grant_type: 'authorization_code', client_id: app.client_id, ...(await agree(browser, app, asked)) }
    const first = (await live.form('/oauth/token', form)).body
    expect(first.scope).toContain('orders:write')
    await patch(id, { deprecated_scopes: ['orders:write'] })
    const refresh = { grant_type: 'refresh_token', client_id: app.client_id, refresh_token: first.refresh_token }
    const { body } = await there.form('/oauth/token', refresh)
    expect(body.scope.split(' ')).toContain('orders:read')
    expect(body.scope.split(' ')).not.toContain('orders:write')
    expect((await introspect(first.access_token)).scope).toContain('orders:write')
  })

  test('a deprecated resource has no new tokens; those that there are live on; restored it has', async () => {
    const { id, identifier } = await create()
    const token = (await mint(identifier)).body.access_token
    for (const _ of ['once', 'again']) {
      const { body } = await live.api('POST', `/v1/resources/${id}/deprecate`, admin)
      expect(body).toMatchObject({ status: 'deprecated', deprecated_at: expect.stringMatching(/Z$/) })
      expect((await mint(identifier)).body.error).toBe('invalid_target')
      expect(await introspect(token)).toMatchObject({ active: true, scope: 'orders:read orders:write' })
    }
    const list = async (status: string) =>
      (await live.api('GET', `/v1/resources?limit=100&status=${status}`, admin)).body.data.map(
        (each: { id: string }) => each.id,
      )
    expect([(await list('deprecated')).includes(id), (await list('active')).includes(id)]).toEqual([true, false])
    expect((await live.api('POST', `/v1/resources/${id}/restore`, admin)).body.status).toBe('active')
    expect((await mint(identifier)).status).toBe(200)
    const { data } = (await live.api('GET', `/v1/audit-logs?target=${id}`, admin)).body
    expect(data.map(({ action }: { action: string }) => action)).toEqual(
      ['restored', 'deprecated', 'created'].map((what) => `resource.${what}`),
    )
  })

  test('two admins add at once: both are there', async () => {
    const { id } = await create(['orders:read'])
    await Promise.all(['a', 'b', 'c'].map((name) => patch(id, { scopes: [`orders:${name}`] })))
    const { scopes } = (await there.api('GET', `/v1/resources/${id}`, admin)).body
    expect(scopes.sort()).toEqual(['orders:a', 'orders:b', 'orders:c', 'orders:read'])
  })
})

describeDeployment('database', '/v1/resources/default', (open) => {
  let deployment: TestDeployment
  let live: Caller

  beforeAll(async () => {
    deployment = await startDeployment(open)
    live = deployment.nodes[0].at('live')
  })

  const fresh = async () => {
    const { keys } = await createTenant(deployment)
    const { api_key } = keys.live
    return {
      keys,
      api_key,
      get: async () => (await live.api('GET', '/v1/resources/default', api_key)).body,
      patch: (body: object) => live.api('PATCH', '/v1/resources/default', api_key, body),
    }
  }

  test('before it is changed it is as it came', async () => {
    const { get, patch, api_key } = await fresh()
    const before = await get()
    expect(before).toEqual({
      ...{ id: 'default', identifier: live.issuer, name: 'Management API', token_validity: null, updated_at: null },
      ...{ scopes: BUILT_IN_SCOPES, built_in_scopes: BUILT_IN_SCOPES, deprecated_scopes: [] },
    })
    for (const body of [{}, { scopes: [] }, { name: 'Management API' }]) {
      expect((await patch(body)).body).toEqual(before)
    }
    expect((await live.api('GET', '/v1/audit-logs?target=default', api_key)).body.data).toEqual([])
  })

  test('its own scopes are added, had, deprecated; the built-in ones stay', async () => {
    const { keys, get, patch, api_key } = await fresh()
    const changed = await patch({ scopes: ['reports:read', 'reports:write'], name: 'Our API' })
    expect(changed.body).toMatchObject({
      name: 'Our API',
      scopes: [...BUILT_IN_SCOPES, 'reports:read', 'reports:write'],
    })
    expect(await get()).toEqual(changed.body)
    const minted = (await live.token(keys.live, { scope: 'reports:write' })).body
    await patch({ deprecated_scopes: ['reports:write'] })
    expect((await live.token(keys.live)).body.scope.split(' ')).toEqual([...BUILT_IN_SCOPES, 'reports:read'])
    expect((await live.token(keys.live, { scope: 'reports:write' })).body.error).toBe('invalid_scope')
    expect((await live.introspect(keys.live, minted.access_token)).body.scope).toBe('reports:write')
    expect((await live.api('GET', '/v1/me', api_key)).body.scopes).not.toContain('reports:write')
    const { data } = (await live.api('GET', '/v1/audit-logs?target=default', api_key)).body
    expect(data[0]).toMatchObject({ action: 'resource.changed', details: { deprecated_scopes: ['reports:write'] } })
    expect((await live.api('GET', '/v1/resources', api_key)).body.data).toEqual([])
  })

  test('its row has no other name', async () => {
    const { patch, api_key } = await fresh()
    await patch({ scopes: ['reports:read'] })
    const { id } = await deployment.storage.database.resource.findFirstOrThrow({
      where: { identifier: live.issuer, scopes: { has: 'reports:read' } },
      orderBy: { createdAt: 'desc' },
    })
    for (const [method, path] of [
      ['GET', id],
      ['POST', `${id}/deprecate`],
      ['POST', 'default/deprecate'],
      ['DELETE', 'default'],
    ] as const) {
      expectProblem(await live.api(method, `/v1/resources/${path}`, api_key), 404, 'not_found')
    }
  })

  describe('refused', () => {
    test.each([
      ['/scopes/0', { scopes: ['api-keys:write'] }],
      ['/scopes/1', { scopes: ['reports:read', 'tokens:introspect'] }],
      ['/deprecated_scopes/0', { deprecated_scopes: ['tenant:read'] }],
      ['/deprecated_scopes/0', { deprecated_scopes: ['nobody:knows'] }],
      ['/scopes/0', { scopes: ['reports'] }],
      ['/scopes/0', { scopes: ['Reports:Read'] }],
      ['/scopes/0', { scopes: ['openid'] }],
      ['/identifier', { identifier: 'https://evil.example' }],
      ['/built_in_scopes', { built_in_scopes: [] }],
      ['/token_validity', { token_validity: 0 }],
    ])('%s (%#)', async (pointer, body) => {
      const { get, patch } = await fresh()
      const before = await get()
      expectFields(await patch(body), pointer)
      expect(await get()).toEqual(before)
    })

    test('in both lists at once', async () => {
      const { patch } = await fresh()
      await patch({ scopes: ['reports:read'] })
      const body = { scopes: ['reports:read'], deprecated_scopes: ['reports:read'] }
      expectFields(await patch(body), '/scopes/0')
    })

    test('more than there is room for', async () => {
      const { patch } = await fresh()
      const many = (from: number) => Array.from({ length: 150 }, (_, each) => `reports:r${from + each}`)
      expect((await patch({ scopes: many(0) })).status).toBe(200)
      expectFields(await patch({ scopes: many(150) }), '/scopes')
    })

    test('by whom may not write resources', async () => {
      const { api_key } = await fresh()
      const scopes = ['resources:read']
      const reader = (await live.api('POST', '/v1/api-keys', api_key, { kind: 'standard', name: 'r', scopes })).body
      const response = await live.api('PATCH', '/v1/resources/default', reader.api_key, { scopes: ['a:b'] })
      expectProblem(response, 403, 'insufficient_scope', { scope: 'resources:write' })
    })
  })

  test('what one tenant adds, or one mode, another does not have', async () => {
    const [one, other] = [await fresh(), await fresh()]
    await one.patch({ scopes: ['reports:read'] })
    expect((await other.get()).scopes).toEqual(BUILT_IN_SCOPES)
    const sandbox = deployment.nodes[0].at('test')
    const { body } = await sandbox.api('GET', '/v1/resources/default', one.keys.test.api_key)
    expect(body.scopes).toEqual(BUILT_IN_SCOPES)
  })
})
