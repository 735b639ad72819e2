import { beforeAll, describe, expect, test } from 'vitest'
import { SERVICE_USER_ROLES } from '../../server/credentials/client.ts'
import { BUILT_IN_SCOPES, scopesOfRole } from '../../server/tenancy/scopes.ts'
import { describeDeployment } from '../deployments.ts'
import { type Caller, startDeployment, type TestDeployment } from '../start.ts'
import { expectProblem } from './problem.ts'

describeDeployment('database', 'no credential makes more power than its own', (open) => {
  let deployment: TestDeployment
  let live: Caller
  let full: string

  beforeAll(async () => {
    deployment = await startDeployment(open)
    live = deployment.nodes[0].at('live')
    full = deployment.made.live.api_key
    const orders = { identifier: 'https://orders.example', name: 'Orders', scopes: ['orders:read'] }
    expect((await post('/v1/resources', full, orders)).status).toBe(201)
  })

  const post = (path: string, credential: string, body: object) => live.api('POST', path, credential, body)
  const keyWith = async (scopes: string[], by = full) =>
    (await post('/v1/api-keys', by, { kind: 'standard', name: 'k', scopes })).body
  const serviceToken = async (role: string, by = full) => {
    const user = (await post('/v1/service-users', by, { name: role, role })).body
    return (await post(`/v1/service-users/${user.id}/tokens`, by, { name: 't' })).body
  }

  describe('keys', () => {
    const scopes = ['api-keys:write', 'api-keys:read']

    test('beyond its scopes: refused, naming what was beyond', async () => {
      const { api_key } = await keyWith(scopes)
      const body = { kind: 'standard', name: 'k', scopes: ['api-keys:read', 'tokens:introspect'] }
      const response = await post('/v1/api-keys', api_key, body)
      expectProblem(response, 403, 'insufficient_scope', { scope: 'tokens:introspect' })
    })

    test('without scopes it gives its own, never full access', async () => {
      const { api_key } = await keyWith(scopes)
      const { body } = await post('/v1/api-keys', api_key, { kind: 'standard', name: 'child' })
      expect([...body.scopes].sort()).toEqual([...scopes].sort())
      expect((await live.api('GET', '/v1/me', body.api_key)).body.scopes.sort()).toEqual([...scopes].sort())
    })

    test('an access token of a full-access key is not full access itself', async () => {
      const narrow = (await live.token(deployment.made.live, { scope: 'api-keys:write' })).body.access_token
      const child = await post('/v1/api-keys', narrow, { kind: 'standard', name: 'child' })
      expect(child.body.scopes).toEqual(['api-keys:write'])
      const all = (await live.token(deployment.made.live)).body.access_token
      const other = await post('/v1/api-keys', all, { kind: 'standard', name: 'child' })
      expect([...other.body.scopes].sort()).toEqual([...BUILT_IN_SCOPES].sort())
    })

    test("the scopes of the tenant's other resources are not an admin's to give", async () => {
      const admin = await serviceToken('admin')
      const body = { kind: 'standard', name: 'k', scopes: ['orders:read'] }
      const response = await post('/v1/api-keys', admin.service_token, body)
      expectProblem(response, 403, 'insufficient_scope', { scope: 'orders:read' })
    })

    test('an enterprise key has no way around it', async () => {
      const { api_key } = await keyWith(scopes)
      const body = { kind: 'enterprise', name: 'E', scopes: ['members:write'], expires_at: '2099-01-01T00:00:00Z' }
      const response = await post('/v1/api-keys', api_key, body)
      expectProblem(response, 403, 'insufficient_scope', { scope: 'members:write' })
    })

    test('a lineage never widens', async () => {
      const child = await keyWith(scopes)
      const grandchild = await keyWith(['api-keys:write'], child.api_key)
      const response = await post('/v1/api-keys', grandchild.api_key, { kind: 'standard', name: 'k', scopes })
      expectProblem(response, 403, 'insufficient_scope', { scope: 'api-keys:read' })
    })
  })

  describe('service users', () => {
    test.each(SERVICE_USER_ROLES)('a %s holds exactly what the role says', async (role) => {
      const { service_token } = await serviceToken(role)
      const { body } = await live.api('GET', '/v1/me', service_token)
      expect(body.scopes.sort()).toEqual([...scopesOfRole(role)].sort())
    })

    test.each([
      ['viewer', 403],
      ['editor', 403],
      ['admin', 201],
    ] as const)('a %s creating keys and admins: %i', async (role, status) => {
      const { service_token } = await serviceToken(role)
      expect((await post('/v1/api-keys', service_token, { kind: 'standard', name: 'k' })).status).toBe(status)
      expect((await post('/v1/service-users', service_token, { name: 'a', role: 'admin' })).status).toBe(status)
    })

    test('a key that may write service users gives no role beyond itself, nor a token of one', async () => {
      const viewerScopes = scopesOfRole('viewer')
      const { api_key } = await keyWith(['service-users:write', ...viewerScopes, 'orders:read'])
      expect((await post('/v1/service-users', api_key, { name: 'v', role: 'viewer' })).status).toBe(201)
      for (const role of ['editor', 'admin']) {
        const scope = expect.stringMatching(/:/)
        const made = await post('/v1/service-users', api_key, { name: role, role })
        expectProblem(made, 403, 'insufficient_scope', { scope })
        const theirs = (await post('/v1/service-users', full, { name: role, role })).body
        const token = await post(`/v1/service-users/${theirs.id}/tokens`, api_key, { name: 't' })
        expectProblem(token, 403, 'insufficient_scope', { scope })
      }
    })

    test("a role is worth the tenant's own scopes too: who lacks them gives none", async () => {
      const { api_key } = await keyWith([...BUILT_IN_SCOPES])
      const beyond = { scope: expect.stringMatching(/^orders:/) }
      for (const role of SERVICE_USER_ROLES) {
        expectProblem(await post('/v1/service-users', api_key, { name: role, role }), 403, 'insufficient_scope', beyond)
      }
      const invitation = { email: 'ada@example.com', role: 'member' }
      expectProblem(await post('/v1/members/invitations', api_key, invitation), 403, 'insufficient_scope', beyond)
    })

    test('a token that may only be revoked by it is not restored by it', async () => {
      const { api_key } = await keyWith(['service-users:write'])
      const { id, service_token } = await serviceToken('admin')
      const path = `/v1/service-tokens/${id}`
      expect((await live.api('POST', `${path}/revoke`, api_key)).status).toBe(200)
      const restored = await live.api('POST', `${path}/restore`, api_key)
      expectProblem(restored, 403, 'insufficient_scope', { scope: expect.stringMatching(/:/) })
      expect((await live.api('GET', '/v1/me', service_token)).status).toBe(401)
      expect((await live.api('POST', `${path}/restore`, full)).status).toBe(200)
      expect((await live.api('GET', '/v1/me', service_token)).status).toBe(200)
    })
  })

  test('introspection gives a token that is no wider than the credential', async () => {
    const { service_token } = await serviceToken('viewer')
    const { body } = await live.introspect(deployment.made.live, service_token)
    expect(body).toMatchObject({ active: true, token_type: 'service_token', scope: scopesOfRole('viewer').join(' ') })
  })
})
