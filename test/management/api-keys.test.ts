import { beforeAll, describe, expect, test } from 'vitest'
import { describeDeployments } from '../deployments.ts'
import { type Caller, startDeployment, type TestDeployment } from '../start.ts'
import { createTenant } from '../tenants.ts'
import { expectFields, expectProblem } from './problem.ts'

const RFC3339_UTC = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/

describeDeployments('/v1/api-keys', (open) => {
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

  const create = async (body: object) => {
    const response = await live.api('POST', '/v1/api-keys', key, body)
    expect(response.body).toMatchObject({ id: expect.anything() })
    expect(response.status).toBe(201)
    expect(response.headers['cache-control']).toBe('no-store')
    return response.body
  }

  describe('create', () => {
    test('a standard key: the record, and this once its secret', async () => {
      const body = await create({ kind: 'standard', name: 'CI', description: 'for builds' })
      expect(body).toEqual({
        id: expect.stringMatching(/^key_[a-z2-7]{16}$/),
        ...{ kind: 'standard', name: 'CI', description: 'for builds', status: 'active', scopes: null },
        ...{
          token_validity: null,
          require_dpop: false,
          expires_at: null,
          revoked_at: null,
          tags: [],
          last_used_at: null,
        },
        secrets: [
          {
            ...{ id: expect.stringMatching(/^sec_/), created_at: expect.stringMatching(RFC3339_UTC), expires_at: null },
            ...{ last_used_at: null, last_used_ip: null, last_used_agent: null },
          },
        ],
        created_at: expect.stringMatching(RFC3339_UTC),
        updated_at: expect.stringMatching(RFC3339_UTC),
        created_by: expect.stringMatching(/^key_/),
        api_key: expect.stringMatching(/^tk_live_[a-z2-7]{8,}_[0-9A-Za-z]{49}$/),
        client_id: expect.stringMatching(/^tk_[a-z2-7]{8,}$/),
        client_secret: expect.stringMatching(/^[0-9A-Za-z]{49}$/),
      })
      expect(`${body.client_id}_${body.client_secret}`.replace('tk_', 'tk_live_')).toBe(body.api_key)
      expect((await live.token(body)).status).toBe(200)
      expect((await live.api('GET', '/v1/me', body.api_key)).body.credential.id).toBe(body.id)
    })

    test('an enterprise key joins without a mode segment', async () => {
      const scopes = ['tokens:introspect']
      const body = await create({ kind: 'enterprise', name: 'E', scopes, expires_at: '2099-12-31T23:59:59Z' })
      expect(body.api_key).toMatch(/^AKE[A-Z2-7]{8,}_[0-9A-Za-z]{49}$/)
      expect(`${body.client_id}_${body.client_secret}`).toBe(body.api_key)
      expect(body).toMatchObject({ scopes, expires_at: '2099-12-31T23:59:59.000Z' })
      expect((await live.token(body)).body.scope).toBe('tokens:introspect')
    })

    test('a public key has no secret', async () => {
      const body = await create({ kind: 'public', name: 'web' })
      expect(body.client_id).toMatch(/^pk_live_[a-z2-7]{8,}$/)
      expect(body.api_key).toBe(body.client_id)
      expect(body).not.toHaveProperty('client_secret')
    })

    test('in the sandbox: test keys, and no enterprise ones', async () => {
      const own = deployment.made.test.api_key
      const { body } = await sandbox.api('POST', '/v1/api-keys', own, { kind: 'standard', name: 's' })
      expect(body.api_key).toMatch(/^tk_test_/)
      const enterprise = {
        kind: 'enterprise',
        name: 'E',
        scopes: ['api-keys:read'],
        expires_at: '2099-01-01T00:00:00Z',
      }
      expectFields(await sandbox.api('POST', '/v1/api-keys', own, enterprise), '/kind')
    })

    test('an enterprise key needs the Enterprise plan, scopes and an end', async () => {
      const tenant = await createTenant(deployment, 'standard')
      const body = { kind: 'enterprise', name: 'E' }
      const response = await live.api('POST', '/v1/api-keys', tenant.keys.live.api_key, body)
      expectFields(response, '/kind', '/scopes', '/expires_at')
    })
  })

  test('the secret is nowhere again: not in list, get, audit log, nor any table [attack 16]', async () => {
    const made = await create({ kind: 'standard', name: 'secretive' })
    const pages = [
      await live.api('GET', `/v1/api-keys/${made.id}`, key),
      await live.api('GET', '/v1/api-keys?limit=100', key),
      await live.api('GET', '/v1/audit-logs?limit=100', key),
      await live.api('GET', '/v1/me', made.api_key),
      await live.api('DELETE', `/v1/api-keys/${made.id}`, key),
    ]
    for (const { text } of pages) expect(text).not.toContain(made.client_secret)
    const { api_key: _, client_secret: __, ...record } = made
    expect(pages[0]?.body).toEqual(record)
    expect(pages[1]?.body.data).toContainEqual(record)

    const { database } = deployment.storage
    const [{ dump } = { dump: '' }] = await database.$queryRaw<{ dump: string }[]>`
      SELECT (SELECT json_agg(c)::text FROM client c) || (SELECT json_agg(s)::text FROM secret s)
        || (SELECT json_agg(a)::text FROM audit_entry a) AS dump`
    expect(dump).toContain(made.id)
    expect(dump).not.toContain(made.client_secret)
    expect(dump).not.toContain(Buffer.from(made.client_secret).toString('hex'))
  })

  describe('list', () => {
    let keys: string[]

    beforeAll(async () => {
      const tenant = await createTenant(deployment)
      own = tenant.keys.live.api_key
      keys = [(await live.api('GET', '/v1/api-keys', own)).body.data[0].id]
      // Groups with one time each: ids must break the ties.
      for (let each = 0; each < 24; each++) {
        if (each % 5 === 0) deployment.clock.advance(1)
        const { body } = await live.api('POST', '/v1/api-keys', own, { kind: 'standard', name: `no. ${each}` })
        keys.push(body.id)
      }
    })
    let own: string

    const page = async (query: string) => {
      const response = await deployment.nodes[1].at('live').api('GET', `/v1/api-keys${query}`, own)
      expect(response.status).toBe(200)
      return response.body as { data: { id: string; created_at: string }[]; next_cursor: string | null }
    }

    test.each([1, 3, 5, 7, 24, 25, 26, 100])('by %i: all of them, none twice, newest first', async (limit) => {
      const seen: { id: string; created_at: string }[] = []
      let cursor: string | null = ''
      for (let pages = 0; cursor !== null; pages++) {
        expect(pages).toBeLessThanOrEqual(Math.ceil(25 / limit))
        const { data, next_cursor } = await page(`?limit=${limit}${cursor && `&cursor=${cursor}`}`)
        expect(data.length).toBeLessThanOrEqual(limit)
        if (next_cursor !== null) expect(data.length).toBe(limit)
        seen.push(...data)
        cursor = next_cursor
      }
      expect(seen.map(({ id }) => id).sort()).toEqual([...keys].sort())
      const times = seen.map(({ created_at }) => created_at)
      expect(times).toEqual([...times].sort().reverse())
    })

    test('20 without a limit', async () => {
      const { data, next_cursor } = await page('')
      expect([data.length, typeof next_cursor]).toEqual([20, 'string'])
    })

    test('a row that comes between two pages shifts nothing', async () => {
      const first = await page('?limit=10')
      deployment.clock.advance(1)
      const { body } = await live.api('POST', '/v1/api-keys', own, { kind: 'standard', name: 'late' })
      keys.push(body.id)
      const rest = await page(`?limit=100&cursor=${first.next_cursor}`)
      const ids = [...first.data, ...rest.data].map(({ id }) => id)
      expect(new Set(ids).size).toBe(25)
      expect(ids).not.toContain(body.id)
      keys.pop()
      await deployment.storage.database.client.delete({ where: { id: body.id } })
    })

    test.each(['0', '-1', '101', '1.5', 'x', '', 'NaN', 'Infinity', '1&limit=2'])('limit=%s', async (limit) => {
      expectFields(await live.api('GET', `/v1/api-keys?limit=${limit}`, own), '?limit')
    })

    const encoded = (text: string) => Buffer.from(text).toString('base64url')
    test.each([
      ['empty', ''],
      ['garbage', 'garbage'],
      ['not UTF-8', '____'],
      ['no id', encoded('1700000000000')],
      ['no time', encoded('x key_aaaaaaaa')],
      ['NaN', encoded('NaN key_aaaaaaaa')],
      ['the end of time', encoded('8640000000000000 key_aaaaaaaa')],
      ['before all time', encoded('-8640000000000000 key_aaaaaaaa')],
      ['beyond it', encoded('8640000000000001 key_aaaaaaaa')],
      ['a quote', encoded("1700000000000 key_'; DROP TABLE client")],
      ['NUL', encoded('1700000000000 key_\u0000')],
      ['too long', encoded(`1700000000000 ${'a'.repeat(1000)}`)],
      ['twice', 'a&cursor=b'],
    ])('a cursor that is no cursor: %s', async (_, cursor) => {
      expectFields(await live.api('GET', `/v1/api-keys?cursor=${cursor}`, own), '?cursor')
    })

    test('an unknown parameter', async () => {
      expectFields(await live.api('GET', '/v1/api-keys?mode=test', own), '?mode')
      expectFields(await live.api('GET', '/v1/api-keys?__proto__=1', own), '?__proto__')
    })
  })

  describe('get and revoke', () => {
    test.each(['GET', 'DELETE'] as const)('%s: not found, whatever is wrong with the id', async (method) => {
      const foreign = await createTenant(deployment)
      const theirs = (await live.api('GET', '/v1/api-keys', foreign.keys.live.api_key)).body.data[0].id
      const ofOtherMode = (await sandbox.api('GET', '/v1/api-keys', deployment.made.test.api_key)).body.data[0].id
      const user = (await live.api('POST', '/v1/service-users', key, { name: 'u', role: 'viewer' })).body.id
      for (const id of [
        ...[theirs, ofOtherMode, user, 'key_aaaaaaaaaaaaaaaa', 'key_', 'x', '*', "key_'--", 'key_aaaaaaaaaaaaaaa%00'],
        ...['%00', '%', '%zz', '%E0%A4%A', '..%2f..', `key_${'a'.repeat(5000)}`, deployment.made.live.client_id],
      ]) {
        expectProblem(await live.api(method, `/v1/api-keys/${id}`, key), 404, 'not_found')
      }
      expect((await live.api('GET', `/v1/api-keys/${theirs}`, foreign.keys.live.api_key)).body.status).toBe('active')
      expect((await live.token(foreign.keys.live)).status).toBe(200)
    })

    test('revoked for good: it stays in the list, and is refused on both nodes', async () => {
      const made = await create({ kind: 'standard', name: 'short-lived' })
      const { status, text } = await live.api('DELETE', `/v1/api-keys/${made.id}`, key)
      expect([status, text]).toEqual([204, ''])
      for (const node of deployment.nodes) {
        expectProblem(await node.at('live').api('GET', '/v1/me', made.api_key), 401, 'invalid_api_key')
        const record = await node.at('live').api('GET', `/v1/api-keys/${made.id}`, key)
        expect(record.body).toMatchObject({ status: 'revoked', revoked_at: expect.stringMatching(RFC3339_UTC) })
      }
    })

    test('an expired key shows as expired', async () => {
      const expires_at = new Date(deployment.clock.now() + 60_000).toISOString()
      const { id } = await create({ kind: 'standard', name: 'ending', expires_at })
      deployment.clock.advance(59_999)
      expect((await live.api('GET', `/v1/api-keys/${id}`, key)).body.status).toBe('active')
      deployment.clock.advance(1)
      expect((await live.api('GET', `/v1/api-keys/${id}`, key)).body.status).toBe('expired')
    })
  })
})
