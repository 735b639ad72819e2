import { beforeAll, expect, test } from 'vitest'
import { describeDeployment } from '../deployments.ts'
import { type Caller, startDeployment, type TestDeployment } from '../start.ts'
import { expectFields, expectProblem } from './problem.ts'

describeDeployment('database', 'service tokens, as an admin sees and changes them', (open) => {
  let deployment: TestDeployment
  let live: Caller
  let admin: string
  let userId: string

  beforeAll(async () => {
    deployment = await startDeployment(open)
    live = deployment.nodes[0].at('live')
    admin = deployment.made.live.api_key
    userId = (await live.api('POST', '/v1/service-users', admin, { name: 'robot', role: 'admin' })).body.id
  })

  const issue = async (name: string, more: object = {}) =>
    (await live.api('POST', `/v1/service-users/${userId}/tokens`, admin, { name, ...more })).body
  const change = (id: string, what: string, by = admin) => live.api('POST', `/v1/service-tokens/${id}/${what}`, by)

  // seed: service-tokens-of-service-users ("list columns: key icon, name, expiration, last used, and status")
  test('the list: its columns, by status, by name, by how it begins', async () => {
    const expires_at = new Date(deployment.clock.now() + 1000).toISOString()
    const [ci, ended, gone] = [await issue('CI_1'), await issue('ended', { expires_at }), await issue('gone')]
    await change(gone.id, 'revoke')
    deployment.clock.advance(1000)
    const found = async (query: string) => {
      const { body } = await live.api('GET', `/v1/service-users/${userId}/tokens?${query}`, admin)
      return body.data
    }
    expect(await found('status=active&search=ci')).toEqual([
      {
        ...{ id: ci.id, service_user_id: userId, name: 'CI_1', prefix_hint: ci.service_token.slice(0, -50) },
        ...{ status: 'active', created_at: expect.any(String), created_by: expect.stringMatching(/^key_/) },
        ...{ expires_at: null, revoked_at: null, leaked_at: null },
        ...{ last_used_at: null, last_used_ip: null, last_used_agent: null },
      },
    ])
    const names = async (query: string) => (await found(query)).map(({ name }: { name: string }) => name)
    expect(await names('status=expired')).toEqual(['ended'])
    expect(await names('status=revoked')).toEqual(['gone'])
    expect(await names('search=_1')).toEqual(['CI_1'])
    expect(await names(`search=${ended.prefix_hint}`)).toEqual(['ended'])
    expect((await found('search=')).length).toBe(3)
    expectFields(await live.api('GET', `/v1/service-users/${userId}/tokens?status=leaked`, admin), '?status')
  })

  // seed: service-tokens-of-service-users ("Permanently remove a revoked or expired Service Token"), knock-service-tokens
  // ("Deleting a token will immediately revoke its ability to be used")
  test('deleted for good, whether it was revoked, expired or active', async () => {
    const expires_at = new Date(deployment.clock.now() + 1000).toISOString()
    const tokens = [await issue('active'), await issue('revoked'), await issue('expired', { expires_at })]
    await change(tokens[1].id, 'revoke')
    deployment.clock.advance(1000)
    for (const { id, service_token } of tokens) {
      expect((await live.api('DELETE', `/v1/service-tokens/${id}`, admin)).status).toBe(204)
      const there = deployment.nodes[1].at('live')
      expect((await there.api('GET', '/v1/me', service_token)).status).toBe(401)
      expectProblem(await change(id, 'restore'), 404, 'not_found')
    }
  })

  test('one that was leaked is never restored', async () => {
    const { id, service_token } = await issue('leaked')
    const { body } = await live.form('/oauth/leaked', { token: service_token })
    expect(body).toBeDefined()
    const row = await deployment.storage.database.secret.findUniqueOrThrow({ where: { id } })
    expect([row.leakedAt, row.revokedAt].every(Boolean)).toBe(true)
    expectProblem(await change(id, 'restore'), 409, 'conflict')
    expect((await change(id, 'revoke')).body).toMatchObject({ status: 'revoked', leaked_at: expect.any(String) })
    expect((await live.api('GET', '/v1/me', service_token)).status).toBe(401)
  })

  // seed: knock-service-tokens ("attributing the service token used to make the change as the author")
  test('what it changes is in the log in its name', async () => {
    const { id, service_token } = await issue('author')
    const made = await live.api('POST', '/v1/api-keys', service_token, { kind: 'standard', name: 'k' })
    const { data } = (await live.api('GET', `/v1/audit-logs?target=${made.body.id}&action=api_key.created`, admin)).body
    expect(data[0].actor).toEqual({ type: 'service_token', id, name: 'robot: author' })
  })

  // seed: knock-service-tokens ("can only be used against the Knock management API")
  test('it mints no tokens', async () => {
    const { service_token } = await issue('minting')
    const [, client_id = '', client_secret = ''] = /^(st_live_[a-z2-7]+)_(.+)$/.exec(service_token) ?? []
    expect((await live.token({ client_id, client_secret })).status).toBe(401)
  })

  test('restoring gives power: who has less than its user may not', async () => {
    const scopes = ['service-users:read', 'service-users:write']
    const weak = (await live.api('POST', '/v1/api-keys', admin, { kind: 'standard', name: 'w', scopes })).body.api_key
    const { id, service_token } = await issue('strong')
    expect((await change(id, 'revoke', weak)).status).toBe(200)
    const { status, body } = await change(id, 'restore', weak)
    expect([status, body.error]).toEqual([403, 'insufficient_scope'])
    expect((await live.api('GET', '/v1/me', service_token)).status).toBe(401)
  })
})
