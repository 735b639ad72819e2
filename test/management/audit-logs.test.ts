import { beforeAll, describe, expect, test } from 'vitest'
import type { Mode } from '../../server/mode/mode.ts'
import { describeDeployments } from '../deployments.ts'
import { type Caller, startDeployment, type TestDeployment } from '../start.ts'
import { createTenant } from '../tenants.ts'
import { expectFields } from './problem.ts'

describeDeployments('/v1/audit-logs', (open) => {
  let deployment: TestDeployment
  let callers: Record<Mode, Caller>
  let keys: Record<Mode, string>
  let keyIds: Record<Mode, string>

  beforeAll(async () => {
    deployment = await startDeployment(open)
    callers = { live: deployment.nodes[0].at('live'), test: deployment.nodes[1].at('test') }
    const tenant = await createTenant(deployment)
    keys = { live: tenant.keys.live.api_key, test: tenant.keys.test.api_key }
    const idOf = async (mode: Mode) => (await callers[mode].api('GET', '/v1/me', keys[mode])).body.credential.id
    keyIds = { live: await idOf('live'), test: await idOf('test') }
  })

  const log = async (mode: Mode, query = '') =>
    (await callers[mode].api('GET', `/v1/audit-logs${query}`, keys[mode])).body
  const latest = async (mode: Mode) => (await log(mode, '?limit=1')).data[0]
  const call = (mode: Mode, method: 'POST' | 'DELETE', path: string, body?: object) =>
    callers[mode].api(method, path, keys[mode], body)

  test.each(['live', 'test'] as const)('%s: each change has an entry: who, what, where from', async (mode) => {
    const user = await call(mode, 'POST', '/v1/service-users', { name: 'robot', role: 'editor' })
    const userId = user.body.id
    const token = await call(mode, 'POST', `/v1/service-users/${userId}/tokens`, { name: 'tok' })
    const key = await call(mode, 'POST', '/v1/api-keys', { kind: 'standard', name: 'k' })
    const resource = { identifier: `https://${mode}.example`, name: 'r', scopes: ['a:b'] }
    const made = await call(mode, 'POST', '/v1/resources', resource)
    const [tokenPath, keyPath] = [`/v1/service-tokens/${token.body.id}`, `/v1/api-keys/${key.body.id}`]
    const target = (type: string, { body }: { body: { id: string } }) => ({ type, id: body.id })
    const ofToken = { name: 'tok', service_user_id: userId }
    const expected = [
      [user, 'service_user.created', target('service_user', user), { name: 'robot', role: 'editor' }],
      [token, 'service_token.created', target('service_token', token), ofToken],
      [key, 'api_key.created', target('api_key', key), { name: 'k', kind: 'standard' }],
      [made, 'resource.created', target('resource', made), { identifier: resource.identifier, scopes: ['a:b'] }],
      [
        await call(mode, 'POST', `${tokenPath}/revoke`),
        'service_token.revoked',
        target('service_token', token),
        ofToken,
      ],
      [
        await call(mode, 'POST', `${tokenPath}/restore`),
        'service_token.restored',
        target('service_token', token),
        ofToken,
      ],
      [await call(mode, 'DELETE', tokenPath), 'service_token.deleted', target('service_token', token), ofToken],
      [await call(mode, 'DELETE', keyPath), 'api_key.revoked', target('api_key', key), { name: 'k' }],
    ] as const
    const { data } = await log(mode, `?limit=${expected.length}`)
    const entries = expected.map(([response, action, target, details]) => ({
      id: expect.stringMatching(/^evt_[a-z2-7]{16}$/),
      at: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
      ...{ action, actor: { type: 'api_key', id: keyIds[mode], name: 'Full access' }, target },
      ...{ ip: expect.stringMatching(/127\.0\.0\.1$/), request_id: response.headers['x-request-id'] },
      details: { sandbox: mode === 'test', ...details },
    }))
    expect(data.reverse()).toEqual(entries)
  })

  test('RFC 7009 revocations have one too', async () => {
    const { body } = await call('live', 'POST', '/v1/api-keys', { kind: 'standard', name: 'k' })
    const { access_token } = (await callers.live.token(body)).body
    await callers.live.revoke(body, access_token)
    const actor = { type: 'api_key', id: body.id, name: 'k' }
    expect(await latest('live')).toMatchObject({ action: 'access_token.revoked', actor })
    await callers.live.revoke(body, body.api_key)
    const target = { type: 'api_key', id: body.id }
    expect(await latest('live')).toMatchObject({ action: 'api_key.revoked', actor, target })
  })

  test('a service token and an access token are named as what they are', async () => {
    const user = await call('live', 'POST', '/v1/service-users', { name: 'robot', role: 'admin' })
    const token = (await call('live', 'POST', `/v1/service-users/${user.body.id}/tokens`, { name: 'tok' })).body
    await callers.live.api('POST', '/v1/api-keys', token.service_token, { kind: 'public', name: 'p' })
    expect((await latest('live')).actor).toEqual({ type: 'service_token', id: token.id, name: 'robot: tok' })

    const { body } = await call('live', 'POST', '/v1/api-keys', { kind: 'standard', name: 'minter' })
    const { access_token } = (await callers.live.token(body)).body
    await callers.live.api('POST', '/v1/api-keys', access_token, { kind: 'public', name: 'p' })
    const { actor } = await latest('live')
    expect(actor).toEqual({ type: 'access_token', id: expect.stringMatching(/^tok_/), name: 'minter' })
    expect(access_token).not.toContain(actor.id.slice(4))
  })

  test('reading, failing and repeating leave none', async () => {
    const { body } = await call('live', 'POST', '/v1/api-keys', { kind: 'standard', name: 'k' })
    await call('live', 'DELETE', `/v1/api-keys/${body.id}`)
    const before = await latest('live')
    const again = { identifier: 'https://once.example', name: 'r', scopes: ['a:b'] }
    expect((await call('live', 'POST', '/v1/resources', again)).status).toBe(201)
    const last = await latest('live')
    expect(last.id).not.toBe(before.id)
    for (const [status, attempt] of [
      [409, call('live', 'POST', '/v1/resources', again)],
      [422, call('live', 'POST', '/v1/api-keys', { kind: 'standard', name: '' })],
      [404, call('live', 'DELETE', '/v1/api-keys/key_aaaaaaaaaaaaaaaa')],
      [404, call('live', 'POST', '/v1/service-tokens/svt_aaaaaaaaaaaaaaaa/revoke')],
      [401, callers.live.api('POST', '/v1/api-keys', body.api_key, { kind: 'standard', name: 'k' })],
      [204, call('live', 'DELETE', `/v1/api-keys/${body.id}`)],
      [200, callers.live.api('GET', '/v1/api-keys', keys.live)],
    ] as const) {
      expect((await attempt).status).toBe(status)
    }
    expect((await latest('live')).id).toBe(last.id)
  })

  describe('list', () => {
    test('newest first, in pages without gaps or repetitions', async () => {
      const all = (await log('live', '?limit=100')).data as { id: string }[]
      const seen: { id: string }[] = []
      let cursor: string | null = ''
      while (cursor !== null) {
        const page = await log('live', `?limit=3${cursor && `&cursor=${cursor}`}`)
        seen.push(...page.data)
        cursor = page.next_cursor
      }
      expect(seen).toEqual(all)
      expect(new Set(seen.map(({ id }) => id)).size).toBe(all.length)
    })

    test('by action, actor and target', async () => {
      const all = (await log('live', '?limit=100')).data as {
        action: string
        actor: { id: string }
        target: { id: string }
      }[]
      const byAction = (await log('live', '?limit=100&action=service_user.created')).data
      expect(byAction).toEqual(all.filter(({ action }) => action === 'service_user.created'))
      expect(byAction.length).toBeGreaterThan(0)
      const { actor, target } = all[0] as (typeof all)[0]
      expect((await log('live', `?actor=${actor.id}`)).data).toEqual(all.filter((entry) => entry.actor.id === actor.id))
      expect((await log('live', `?target=${target.id}`)).data).toEqual(
        all.filter((entry) => entry.target.id === target.id),
      )
      expect((await log('live', "?action=' OR 1=1--")).data).toEqual([])
      expect((await log('live', '?action=%25')).data).toEqual([])
    })

    test.each(['action', 'actor', 'target', 'cursor'])('%s with NUL, too long, or twice', async (name) => {
      for (const value of ['%00', 'a%00b', 'x'.repeat(300), `a&${name}=b`]) {
        expectFields(await callers.live.api('GET', `/v1/audit-logs?${name}=${value}`, keys.live), `?${name}`)
      }
    })

    test.each(['-1', '1.5', 'x', '', '99999999999', '1e3'])('cursor=%s', async (cursor) => {
      expectFields(await callers.live.api('GET', `/v1/audit-logs?cursor=${cursor}`, keys.live), '?cursor')
    })
  })

  test('it can not be written, altered or deleted through the API', async () => {
    const { id } = await latest('live')
    for (const method of ['POST', 'PATCH', 'DELETE'] as const) {
      for (const path of ['/v1/audit-logs', `/v1/audit-logs/${id}`]) {
        expect((await callers.live.api(method, path, keys.live, {})).status).toBe(404)
      }
    }
    expect((await latest('live')).id).toBe(id)
  })
})
