import { beforeAll, describe, expect, test } from 'vitest'
import { splitKey } from '../../server/credentials/format.ts'
import type { Mode } from '../../server/mode/mode.ts'
import { describeDeployments } from '../deployments.ts'
import { type Caller, startDeployment, type TestDeployment } from '../start.ts'
import { createTenant } from '../tenants.ts'
import { expectFields } from './problem.ts'

const splitKeyOf = (apiKey: string) => {
  const { clientId, clientSecret } = splitKey(apiKey)
  return { client_id: clientId, client_secret: clientSecret }
}

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
    expect((await log('live', '?limit=1&action=access_token.revoked')).data).toMatchObject([{ actor }])
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
    const [{ actor }] = (await log('live', '?limit=1&action=api_key.created')).data
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

    test('by action, actor and target [attack 76]', async () => {
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

    test('seed: knoxcall-oauth-and-api-keys: by sandbox, which is stamped on every entry', async () => {
      for (const mode of ['live', 'test'] as const) {
        const all = (await log(mode, '?limit=100')).data
        const own = mode === 'test'
        expect((await log(mode, `?limit=100&sandbox=${own}`)).data).toEqual(all)
        expect((await log(mode, `?limit=100&sandbox=${!own}`)).data).toEqual([])
      }
    })

    test('by the beginning of an action, and by time', async () => {
      type Listed = { id: string; action: string; at: string }[]
      deployment.clock.advance(60_000)
      const since = new Date(deployment.clock.now()).toISOString()
      await call('live', 'POST', '/v1/api-keys', { kind: 'public', name: 'later' })
      await callers.live.token(splitKeyOf(keys.live))
      const all = (await log('live', '?limit=100')).data as Listed
      const ofKeys = (await log('live', '?limit=100&action=api_key.*')).data as Listed
      expect(ofKeys).toEqual(all.filter(({ action }) => action.startsWith('api_key.')))
      expect(ofKeys.length).toBeGreaterThan(1)
      for (const action of ['api%25.*', 'api-key.*', '*', '_pi_key.*', '\\\\.*', '.*']) {
        expect((await log('live', `?action=${action}`)).data, action).toEqual([])
      }
      const later = (await log('live', `?since=${since}`)).data as Listed
      expect(later.map(({ action }) => action).sort()).toEqual(['api_key.created', 'token.minted'])
      expect((await log('live', `?limit=100&until=${since}`)).data).toEqual(all.filter(({ at }) => at < since))
      const offset = new Date(deployment.clock.now() + 3600_000).toISOString().replace('Z', '%2B01:00')
      expect((await log('live', `?since=${offset}&until=${offset}`)).data).toEqual([])
      expect((await log('live', `?since=${offset}`)).data).toEqual(later)
    })

    test.each(['sandbox=yes', 'sandbox=', 'since=yesterday', 'until=2030-01-01', 'since=2030-13-01T00:00:00Z'])(
      '%s',
      async (query) => {
        const answer = await callers.live.api('GET', `/v1/audit-logs?${query}`, keys.live)
        expectFields(answer, `?${query.split('=')[0]}`)
      },
    )

    test('as lines of JSON: all that match, whatever the limit, of this tenant alone', async () => {
      const lines = async (query: string) => {
        const call = callers.live.api('GET', `/v1/audit-logs${query}`, keys.live).set('accept', 'application/x-ndjson')
        const { status, headers, text } = await call
          .buffer(true)
          .parse((response, done) => {
            response.setEncoding('utf8')
            let all = ''
            response.on('data', (chunk: string) => {
              all += chunk
            })
            response.on('end', () => done(null, all))
          })
          .then((response) => ({
            ...response,
            status: response.status,
            headers: response.headers,
            text: response.body as string,
          }))
        expect([status, headers['content-type'], headers['cache-control']]).toEqual([
          200,
          'application/x-ndjson',
          'no-store',
        ])
        expect(text === '' || text.endsWith('\n')).toBe(true)
        return text
          .split('\n')
          .filter(Boolean)
          .map((line) => JSON.parse(line))
      }
      const { data } = await log('live', '?limit=100')
      expect(await lines('?limit=1')).toEqual(data)
      expect(await lines('?action=service_user.*')).toEqual(
        data.filter(({ action }: { action: string }) => action.startsWith('service_user.')),
      )
      expect(await lines('?target=nothing')).toEqual([])
      const cursor = (await log('live', '?limit=3')).next_cursor
      expect(await lines(`?cursor=${cursor}`)).toEqual(data.slice(3))
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
