import { beforeAll, expect, test } from 'vitest'
import { FAILURES_PER_MINUTE } from '../../server/credentials/failure-limit.ts'
import { newEnterpriseKey, newPublicId, newStandardKey } from '../../server/credentials/format.ts'
import { StoreUnavailable } from '../../server/storage/state-store.ts'
import { describeDeployments } from '../deployments.ts'
import { type Caller, startDeployment, type TestDeployment } from '../start.ts'
import { createTenant, setTenantStatus } from '../tenants.ts'
import { expectFields, expectProblem } from './problem.ts'

describeDeployments('errors of the management API', (open) => {
  let deployment: TestDeployment
  let live: Caller
  let sandbox: Caller
  let key: string

  beforeAll(async () => {
    deployment = await startDeployment(open)
    live = deployment.nodes[0].at('live')
    sandbox = deployment.nodes[0].at('test')
    key = deployment.made.live.api_key
  })

  test('authentication_required: no credential, and how to send one (RFC 9110 §15.5.2)', async () => {
    const response = await live.api('GET', '/v1/me')
    expectProblem(response, 401, 'authentication_required')
    expect(response.headers['www-authenticate']).toMatch(/^Bearer realm=/)
  })

  test('invalid_api_key: unknown, malformed, revoked, expired: one answer for all', async () => {
    const { api_key: revoked, id } = (
      await live.api('POST', '/v1/api-keys', key, { kind: 'standard', name: 'revoked' })
    ).body
    await live.api('DELETE', `/v1/api-keys/${id}`, key)
    const expires_at = new Date(deployment.clock.now() + 1000).toISOString()
    const expiring = await live.api('POST', '/v1/api-keys', key, { kind: 'standard', name: 'expiring', expires_at })
    deployment.clock.advance(1000)
    const wrongSecret = newStandardKey('live', key.split('_')[2] as string)
    const refused = [newStandardKey('live', newPublicId()), wrongSecret, revoked, expiring.body.api_key, 'nonsense']
    const answers = []
    for (const credential of refused) {
      const response = await live.api('GET', '/v1/me', credential)
      expectProblem(response, 401, 'invalid_api_key')
      expect(response.headers['www-authenticate']).toMatch(/^Bearer .*error="invalid_token"/)
      const { request_id: _, ...rest } = response.body
      answers.push(JSON.stringify([rest, response.headers['www-authenticate']]))
    }
    expect(new Set(answers).size).toBe(1)
  })

  test('wrong_key_type: a test credential on the live host, and the reverse [attack 7]', async () => {
    expectProblem(await live.api('GET', '/v1/me', deployment.made.test.api_key), 403, 'wrong_key_type')
    expectProblem(await sandbox.api('GET', '/v1/me', key), 403, 'wrong_key_type')
    expectProblem(await sandbox.api('GET', '/v1/me', newEnterpriseKey(newPublicId())), 403, 'wrong_key_type')
    const { access_token } = (await live.token(deployment.made.live)).body
    expectProblem(await sandbox.api('GET', '/v1/me', access_token), 403, 'wrong_key_type')
  })

  test('subscription_inactive: on both nodes and in both modes, at the next request, until it is active again [attack 8]', async () => {
    const { id, keys } = await createTenant(deployment)
    const nodes = deployment.nodes.flatMap((node) => [
      { at: node.at('live'), own: keys.live },
      { at: node.at('test'), own: keys.test },
    ])
    const tokens = await Promise.all(nodes.map(async ({ at, own }) => (await at.token(own)).body.access_token))
    for (const status of ['paused', 'cancelled'] as const) {
      for (const { at, own } of nodes) expect((await at.api('GET', '/v1/me', own.api_key)).status).toBe(200)
      await setTenantStatus(deployment, id, status)
      for (const [index, { at, own }] of nodes.entries()) {
        expectProblem(await at.api('GET', '/v1/me', own.api_key), 403, 'subscription_inactive')
        expectProblem(await at.api('GET', '/v1/me', tokens[index]), 403, 'subscription_inactive')
        const minting = await at.token(own)
        expect([minting.status, minting.body.error]).toEqual([403, 'subscription_inactive'])
      }
      await setTenantStatus(deployment, id, 'active')
    }
    for (const { at, own } of nodes) expect((await at.token(own)).status).toBe(200)
  })

  test('insufficient_scope names the scope that was missing', async () => {
    const scopes = ['api-keys:read']
    const narrow = await live.api('POST', '/v1/api-keys', key, { kind: 'standard', name: 'narrow', scopes })
    const response = await live.api('POST', '/v1/service-users', narrow.body.api_key, { name: 'x', role: 'viewer' })
    expectProblem(response, 403, 'insufficient_scope', { scope: 'service-users:write' })
  })

  test('validation_failed points to each bad field', async () => {
    const body = { kind: 'gold', name: '', scopes: ['api-keys:read', 7], expires_at: 'soon', 'a/b~c': 1 }
    const response = await live.api('POST', '/v1/api-keys', key, body)
    expectFields(response, '/kind', '/name', '/scopes/1', '/expires_at', '/a~1b~0c')
  })

  test('not_found: an unknown id, path or method', async () => {
    for (const [method, path] of [
      ['GET', '/v1/api-keys/key_aaaaaaaaaaaaaaaa'],
      ['GET', '/v1/unheard-of'],
      ['GET', '/v1'],
      ['GET', '/v1/'],
      ['GET', '/v1/me/'],
      ['PATCH', '/v1/me'],
    ] as const) {
      expectProblem(await live.api(method, path, key), 404, 'not_found')
    }
  })

  test('conflict: also for all but one of several at once', async () => {
    const body = { identifier: 'https://orders.example', name: 'Orders', scopes: ['orders:read'] }
    const at = (index: number) => (deployment.nodes[index % 2] as TestDeployment['nodes'][0]).at('live')
    const answers = await Promise.all([0, 1, 2, 3, 4].map((each) => at(each).api('POST', '/v1/resources', key, body)))
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 409, 409, 409, 409])
    for (const answer of answers) if (answer.status === 409) expectProblem(answer, 409, 'conflict')
    const itself = await live.api('POST', '/v1/resources', key, { ...body, identifier: live.issuer })
    expectProblem(itself, 409, 'conflict')
  })

  test('rate_limited with Retry-After, while the right credential still works', async () => {
    const wrong = newStandardKey('live', key.split('_')[2] as string)
    let response = await live.api('GET', '/v1/me', wrong)
    for (let tries = 0; tries <= FAILURES_PER_MINUTE.clientFromNetwork && response.status === 401; tries++) {
      response = await live.api('GET', '/v1/me', wrong)
    }
    expectProblem(response, 429, 'rate_limited')
    expect(Number(response.headers['retry-after'])).toBeGreaterThanOrEqual(1)
    expect(Number(response.headers['retry-after'])).toBeLessThanOrEqual(60)
    expect((await live.api('GET', '/v1/me', key)).status).toBe(200)
  })

  test('temporarily_unavailable with Retry-After when a store is away, and nothing is changed', async () => {
    const { state } = deployment.storage
    const original = state.live.forgetStandings
    const { data: before } = (await live.api('GET', '/v1/audit-logs', key)).body
    const { id } = (await live.api('POST', '/v1/api-keys', key, { kind: 'standard', name: 'kept' })).body
    state.live.forgetStandings = async () => {
      throw new StoreUnavailable('redis', new Error('away'))
    }
    try {
      const response = await live.api('DELETE', `/v1/api-keys/${id}`, key)
      expectProblem(response, 503, 'temporarily_unavailable')
      expect(Number(response.headers['retry-after'])).toBeGreaterThanOrEqual(1)
    } finally {
      state.live.forgetStandings = original
    }
    expect((await live.api('GET', `/v1/api-keys/${id}`, key)).body.status).toBe('active')
    const { data: after } = (await live.api('GET', '/v1/audit-logs', key)).body
    expect(after.length).toBe(before.length + 1)
  })
})
