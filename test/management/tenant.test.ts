import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { changeSettings } from '../../server/tenancy/settings.ts'
import { describeDeployments } from '../deployments.ts'
import { startDeployment, type TestDeployment } from '../start.ts'
import { changeOf, createTenant, type TestTenant } from '../tenants.ts'
import { expectFields, expectProblem } from './problem.ts'

describeDeployments('/v1/tenant', (open) => {
  let deployment: TestDeployment
  let tenant: TestTenant

  beforeAll(async () => {
    deployment = await startDeployment(open)
  })
  beforeEach(async () => {
    tenant = await createTenant(deployment)
  })

  const at = (node: 0 | 1, mode: 'live' | 'test' = 'live') => deployment.nodes[node].at(mode)
  const get = (node: 0 | 1 = 0, mode: 'live' | 'test' = 'live') =>
    at(node, mode).api('GET', '/v1/tenant', tenant.keys[mode].api_key)
  const patch = (body: object) => at(0).api('PATCH', '/v1/tenant', tenant.keys.live.api_key, body)
  const entries = (mode: 'live' | 'test') =>
    deployment.storage.database.auditEntry.findMany({ where: { tenantId: tenant.id, mode, action: 'tenant.changed' } })

  test('a tenant is as it is made, and everything is off', async () => {
    const { status, body } = await get()
    expect(status).toBe(200)
    expect(body).toEqual({
      ...{ id: tenant.id, name: `The tenant ${tenant.id}`, plan: 'enterprise', status: 'active', mode: 'live' },
      ...{ require_dpop: false, metadata_document_clients: false },
      ...{ allowed_networks: [], max_token_validity: null, audit_retention_days: 365 },
      security: { require_dpop: false, allowed_networks: [], max_token_validity: null },
    })
  })

  test('a setting is changed in one mode, seen on both nodes and audited; the other mode has its own', async () => {
    const { status, body } = await patch({ metadata_document_clients: true })
    expect([status, body.metadata_document_clients, body.require_dpop]).toEqual([200, true, false])
    expect((await get(1)).body).toEqual(body)
    expect((await get(1, 'test')).body).toMatchObject({ mode: 'test', metadata_document_clients: false })
    const [entry, ...others] = await entries('live')
    expect(others).toEqual([])
    expect(entry).toMatchObject({ targetId: tenant.id, details: { sandbox: false, metadata_document_clients: true } })
    expect(entry?.details).not.toHaveProperty('require_dpop')
    expect(await entries('test')).toEqual([])
  })

  test('what is so already, or not there, is no change', async () => {
    await patch({ metadata_document_clients: true })
    expect((await patch({ metadata_document_clients: true })).body.metadata_document_clients).toBe(true)
    expect((await patch({})).body.metadata_document_clients).toBe(true)
    expect(await entries('live')).toHaveLength(1)
  })

  test('two settings changed at once by two callers are both changed', async () => {
    // Not through the API: once require_dpop is on, it refuses the key that makes the other change.
    const scope = { tenantId: tenant.id, mode: 'live' as const }
    const { database } = deployment.storage
    const { ref } = await database.standing.findFirstOrThrow({ where: { ...scope, kind: 'tenant' } })
    const operator = { actor: { type: 'operator' as const, id: 'test', name: 'a test' } }
    const set = (wished: Parameters<typeof changeSettings>[3]) =>
      changeOf(deployment)(scope, operator, (transaction) => changeSettings(transaction, scope, { ref }, wished))
    await Promise.all([set({ metadataDocumentClients: true }), set({ requireDpop: true })])
    const settings = await deployment.storage.database.tenantSettings.findMany({ where: { tenantId: tenant.id } })
    expect(settings).toMatchObject([{ mode: 'live', metadataDocumentClients: true, requireDpop: true }])
  })

  test('require_dpop holds on both nodes from the next request on, in this mode alone', async () => {
    const token = (node: 0 | 1, mode: 'live' | 'test') => at(node, mode).token(tenant.keys[mode])
    expect((await token(1, 'live')).status).toBe(200)
    await patch({ require_dpop: true })
    for (const node of [0, 1] as const) {
      expect((await token(node, 'live')).body.error).toBe('invalid_dpop_proof')
      expect((await token(node, 'test')).status).toBe(200)
    }
  })

  test('max_token_validity caps new tokens on both nodes, however long their client or resource wants them', async () => {
    const { api_key } = tenant.keys.live
    const resource = { identifier: 'https://long.example', name: 'r', scopes: ['a:b'], token_validity: 7200 }
    expect((await at(0).api('POST', '/v1/resources', api_key, resource)).status).toBe(201)
    const token = async (node: 0 | 1, form = {}) => (await at(node).token(tenant.keys.live, form)).body
    const before = await token(1, { resource: resource.identifier })
    expect(before.expires_in).toBe(7200)
    const { body } = await patch({ max_token_validity: 300 })
    expect(body).toMatchObject({ max_token_validity: 300, security: { max_token_validity: 300 } })
    for (const node of [0, 1] as const) {
      expect((await token(node, { resource: resource.identifier })).expires_in).toBe(300)
      expect((await token(node)).expires_in).toBe(300)
    }
    // Tokens that exist keep the end that they were given.
    expect((await at(1).introspect(tenant.keys.live, before.access_token)).body.active).toBe(true)
    expect((await patch({ max_token_validity: null })).body.security.max_token_validity).toBeNull()
    expect((await token(1, { resource: resource.identifier })).expires_in).toBe(7200)
  })

  test('settings of every kind are kept, canonical, and audited', async () => {
    const networks = ['127.0.0.1/8', '127.0.0.0/8', '2001:DB8:0::/32']
    const { status, body } = await patch({ allowed_networks: networks, audit_retention_days: 30 })
    expect(status).toBe(200)
    expect(body).toMatchObject({ allowed_networks: ['127.0.0.0/8', '2001:db8::/32'], audit_retention_days: 30 })
    expect((await get(1)).body).toEqual(body)
    expect(await entries('live')).toMatchObject([
      { details: { allowed_networks: ['127.0.0.0/8', '2001:db8::/32'], audit_retention_days: 30 } },
    ])
    await patch({ allowed_networks: ['127.0.0.0/8', '2001:db8::/32'] })
    expect(await entries('live')).toHaveLength(1)
  })

  test.each([
    ['/require_dpop', { require_dpop: 'yes' }],
    ['/allowed_networks/0', { allowed_networks: ['localhost'] }],
    ['/allowed_networks/1', { allowed_networks: ['127.0.0.1', '10.0.0.0/33'] }],
    ['/allowed_networks', { allowed_networks: Array.from({ length: 51 }, (_, at) => `127.0.0.${at}`) }],
    ['/allowed_networks', { allowed_networks: ['192.0.2.1'] }],
    ['/allowed_networks', { allowed_networks: null }],
    ['/max_token_validity', { max_token_validity: 59 }],
    ['/max_token_validity', { max_token_validity: '300' }],
    ['/audit_retention_days', { audit_retention_days: 0 }],
    ['/security', { security: {} }],
    ['/metadata_document_clients', { metadata_document_clients: null }],
    ['/plan', { plan: 'enterprise' }],
  ])('%s is refused', async (pointer, body) => {
    expectFields(await patch(body), pointer)
  })

  describe('without the scope', () => {
    const keyWith = async (scope: string) => {
      const key = { kind: 'standard', name: 'a narrow key', scopes: [scope] }
      return (await at(0).api('POST', '/v1/api-keys', tenant.keys.live.api_key, key)).body.api_key as string
    }

    test('tenant:read reads and changes nothing', async () => {
      const key = await keyWith('tenant:read')
      expect((await at(0).api('GET', '/v1/tenant', key)).status).toBe(200)
      const refused = await at(0).api('PATCH', '/v1/tenant', key, { require_dpop: true })
      expectProblem(refused, 403, 'insufficient_scope', { scope: 'tenant:write' })
    })

    test('another scope reads nothing', async () => {
      const refused = await at(0).api('GET', '/v1/tenant', await keyWith('apps:read'))
      expectProblem(refused, 403, 'insufficient_scope', { scope: 'tenant:read' })
    })
  })
})
