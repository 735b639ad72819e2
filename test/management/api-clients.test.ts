import { beforeAll, describe, expect, test } from 'vitest'
import { BUILT_IN_SCOPES } from '../../server/tenancy/scopes.ts'
import { describeDeployments } from '../deployments.ts'
import { type Caller, startDeployment, type TestDeployment } from '../start.ts'
import { createTenant } from '../tenants.ts'
import { addApiClient, chosen, tokenFor } from './api-clients.ts'
import { expectProblem } from './problem.ts'

const WRONG_FIELDS = { fields: expect.any(Array) }

describeDeployments('API clients, seed: knox-manage-api-clients', (open) => {
  let deployment: TestDeployment
  let live: Caller
  let other: Caller
  let admin: string

  beforeAll(async () => {
    deployment = await startDeployment(open)
    live = deployment.nodes[0].at('live')
    other = deployment.nodes[1].at('live')
  })

  /** Each test has a tenant of its own, with five places. */
  const newTenant = async () => {
    const tenant = await createTenant(deployment)
    admin = tenant.keys.live.api_key
    return tenant
  }
  const get = async (id: string) => (await other.api('GET', `/v1/api-clients/${id}`, admin)).body
  const patch = (id: string, body: object, at = live) => at.api('PATCH', `/v1/api-clients/${id}`, admin, body)
  const actions = async (id: string) =>
    (await live.api('GET', `/v1/api-clients/${id}/activity`, admin)).body.data.map(
      ({ action }: { action: string }) => action,
    )
  const isActive = async (token: string, at = other): Promise<boolean> =>
    (await at.api('GET', '/v1/me', token)).status === 200

  test('“Add an API client”: what was chosen, and no secret in the answer', async () => {
    await newTenant()
    const body = chosen({ token_validity: 600, permission: 'read' })
    const response = await live.api('POST', '/v1/api-clients', admin, body)
    expect(response.status).toBe(201)
    expect(response.body).toEqual({
      ...{ id: expect.stringMatching(/^client_[a-z2-7]{16}$/), client_id: body.client_id, token_validity: 600 },
      ...{ status: 'active', permission: 'read', created_by: expect.stringMatching(/^key_/), last_used_at: null },
      ...{ created_at: expect.any(String), updated_at: response.body.created_at },
    })
    expect(await get(response.body.id)).toEqual(response.body)
    expect(response.text).not.toContain(body.client_secret)
    const list = await live.api('GET', '/v1/api-clients', admin)
    expect(list.body).toEqual({ data: [response.body], next_cursor: null })
  })

  test('“The default is 3600 seconds”; tokens live as long as was set', async () => {
    await newTenant()
    const usual = await addApiClient(live, admin)
    expect(usual.token_validity).toBe(3600)
    expect((await tokenFor(other, usual)).body.expires_in).toBe(3600)
    const short = await addApiClient(live, admin, { token_validity: 60 })
    expect((await tokenFor(other, short)).body).toMatchObject({ expires_in: 60, token_type: 'Bearer' })
  })

  test('“Can edit”: all scopes, and every kind of call', async () => {
    await newTenant()
    const { body } = await tokenFor(live, await addApiClient(live, admin))
    expect(body.scope).toBe(BUILT_IN_SCOPES.join(' '))
    expect(
      (
        await other.api('POST', '/v1/resources', body.access_token, {
          ...{ identifier: 'https://orders.example', name: 'Orders', scopes: ['orders:read', 'orders:write'] },
        })
      ).status,
    ).toBe(201)
  })

  test('“Read only clients can only make GET calls” [attack 22]', async () => {
    await newTenant()
    const resource = { identifier: 'https://orders.example', name: 'Orders', scopes: ['orders:read', 'orders:write'] }
    await live.api('POST', '/v1/resources', admin, resource)
    const reader = await addApiClient(live, admin, { permission: 'read' })
    const { body } = await tokenFor(other, reader)
    expect(body.scope.split(' ').filter((scope: string) => !scope.endsWith(':read'))).toEqual([])
    expect((await tokenFor(other, reader, { resource: resource.identifier })).body.scope).toBe('orders:read')
    expect((await tokenFor(other, reader, { scope: 'apps:write' })).body.error).toBe('invalid_scope')
    expect((await tokenFor(other, reader, { scope: 'tokens:introspect' })).body.error).toBe('invalid_scope')
    expect((await live.api('GET', '/v1/api-keys', body.access_token)).status).toBe(200)
    const calls = [
      ['POST', '/v1/api-keys', { kind: 'standard', name: 'k' }],
      ['PATCH', `/v1/api-clients/${reader.id}`, { permission: 'edit' }],
      ['DELETE', `/v1/api-clients/${reader.id}`, undefined],
    ] as const
    for (const [method, path, sent] of calls) {
      expectProblem(await live.api(method, path, body.access_token, sent), 403, 'insufficient_scope', {
        scope: expect.stringMatching(/:write$/),
      })
    }
  })

  test('the secret opens the token endpoint and nothing of the management API', async () => {
    await newTenant()
    const client = await addApiClient(live, admin)
    expect((await live.api('GET', '/v1/me', client.client_secret)).status).toBe(401)
    const basic = `Basic ${Buffer.from(`${client.client_id}:${client.client_secret}`).toString('base64')}`
    expect((await live.get('/v1/me', { authorization: basic })).status).toBe(401)
    expect((await live.get('/v1/me', { 'x-api-key': client.client_secret })).status).toBe(401)
  })

  test('“only five can have an active status at the same time”: twelve at once on two nodes, five active [attack 11]', async () => {
    await newTenant()
    const made = await Promise.all(
      Array.from({ length: 12 }, (_, each) =>
        (each % 2 ? live : other).api('POST', '/v1/api-clients', admin, chosen()),
      ),
    )
    expect(made.map(({ status }) => status)).toEqual(Array(12).fill(201))
    const statuses = made.map(({ body }) => body.status)
    expect([statuses.filter((s) => s === 'active').length, statuses.filter((s) => s === 'inactive').length]).toEqual([
      5, 7,
    ])
    const inactive = made.find(({ body }) => body.status === 'inactive')?.body
    expect(await actions(inactive.id)).toEqual(['api_client.limit_reached', 'api_client.created'])

    // Seven race for one place.
    const [freed] = made.filter(({ body }) => body.status === 'active')
    await patch(freed?.body.id, { status: 'inactive' })
    const waiting = made.filter(({ body }) => body.status === 'inactive')
    const raced = await Promise.all(
      waiting.map(({ body }, each) => patch(body.id, { status: 'active' }, each % 2 ? live : other)),
    )
    expect(raced.map(({ status }) => status).sort()).toEqual([200, ...Array(6).fill(409)])
    const lost = raced.findIndex(({ status }) => status === 409)
    expectProblem(raced[lost] as never, 409, 'conflict')
    expect(await actions(waiting[lost]?.body.id)).toEqual([
      ...['api_client.limit_reached', 'api_client.limit_reached', 'api_client.created'],
    ])
    const active = await live.api('GET', '/v1/api-clients?status=active', admin)
    expect(active.body.data).toHaveLength(5)
  })

  test('made, duplicated, activated and deleted at once on two nodes: never a sixth, never a place lost [attack 11]', async () => {
    await newTenant()
    const clients = await Promise.all(Array.from({ length: 8 }, () => addApiClient(live, admin)))
    const active = clients.filter(({ status }) => status === 'active')
    const waiting = clients.filter(({ status }) => status === 'inactive')
    const [one, two, three, four] = active.map(({ id }) => `/v1/api-clients/${id}`)
    const { client_id, client_secret } = chosen()
    const raced = await Promise.all([
      other.api('DELETE', `${one}`, admin),
      live.api('DELETE', `${two}`, admin),
      ...waiting.map((client, each) => patch(client.id, { status: 'active' }, each % 2 ? live : other)),
      live.api('POST', `${three}/change-status`, admin),
      other.api('POST', `${four}/duplicate`, admin, { client_id, client_secret }),
      live.api('POST', '/v1/api-clients', admin, chosen()),
      other.api('POST', '/v1/api-clients', admin, chosen()),
    ])
    expect(raced.filter(({ status }) => ![200, 201, 204, 409].includes(status))).toEqual([])
    const list = async (status: string) => (await live.api('GET', `/v1/api-clients?status=${status}`, admin)).body.data
    expect((await list('active')).length).toBeLessThanOrEqual(5)
    for (const { id } of await list('inactive')) await patch(id, { status: 'active' })
    expect(await list('active')).toHaveLength(5)
  })

  test('five in each mode, and for each tenant', async () => {
    const tenant = await newTenant()
    for (let each = 0; each < 5; each++) await addApiClient(live, admin)
    const sandbox = await addApiClient(deployment.nodes[0].at('test'), tenant.keys.test.api_key)
    expect(sandbox.status).toBe('active')
    expect((await addApiClient(live, admin)).status).toBe('inactive')
    await newTenant()
    expect((await addApiClient(live, admin)).status).toBe('active')
  })

  test('“Clients with the Inactive status can’t be used for authentication”: at once, on every node, tokens included [attack 8, 9]', async () => {
    await newTenant()
    const client = await addApiClient(live, admin)
    const { access_token } = (await tokenFor(live, client)).body
    expect((await tokenFor(other, client)).status).toBe(200)
    expect(await isActive(access_token)).toBe(true)
    expect((await patch(client.id, { status: 'inactive' })).body.status).toBe('inactive')
    for (const at of [live, other]) {
      const refused = await tokenFor(at, client)
      expect([refused.status, refused.body.error]).toEqual([401, 'invalid_client'])
      expect(await isActive(access_token, at)).toBe(false)
    }
    expect((await patch(client.id, { status: 'active' })).status).toBe(200)
    expect((await tokenFor(other, client)).status).toBe(200)
    expect(await isActive(access_token)).toBe(false) // dead is dead
  })

  test('“Change status … to Active or Inactive depending on its current status”', async () => {
    await newTenant()
    const { id } = await addApiClient(live, admin)
    const change = async () => (await live.api('POST', `/v1/api-clients/${id}/change-status`, admin)).body.status
    expect([await change(), await change()]).toEqual(['inactive', 'active'])
    expect(await actions(id)).toEqual(['api_client.activated', 'api_client.deactivated', 'api_client.created'])
    await change()
    for (let each = 0; each < 5; each++) await addApiClient(live, admin)
    expectProblem(await live.api('POST', `/v1/api-clients/${id}/change-status`, admin), 409, 'conflict')
    expect((await get(id)).status).toBe('inactive')
  })

  test('“Invalidate a token … you must request a new one”', async () => {
    await newTenant()
    const client = await addApiClient(live, admin)
    const before = (await tokenFor(live, client)).body.access_token
    const response = await live.api('POST', `/v1/api-clients/${client.id}/invalidate-tokens`, admin)
    expect([response.status, response.body.client_id]).toEqual([200, client.client_id])
    for (const at of [live, other]) expect(await isActive(before, at)).toBe(false)
    expect(await isActive((await tokenFor(other, client)).body.access_token, live)).toBe(true)
    expect(await actions(client.id)).toContain('api_client.tokens_invalidated')
  })

  test('“Duplicate … the same token validity period and access permission”, new id and secret', async () => {
    await newTenant()
    const original = await addApiClient(live, admin, { token_validity: 777, permission: 'read' })
    const path = `/v1/api-clients/${original.id}/duplicate`
    const { permission: _, ...pair } = chosen()
    const { status, body } = await live.api('POST', path, admin, pair)
    expect(status).toBe(201)
    expect(body).toMatchObject({ client_id: pair.client_id, token_validity: 777, permission: 'read', status: 'active' })
    expect(body.id).not.toBe(original.id)
    expect((await tokenFor(other, pair)).body.expires_in).toBe(777)
    expect((await tokenFor(other, { ...pair, client_secret: original.client_secret })).status).toBe(401)
    expectProblem(await live.api('POST', path, admin, pair), 409, 'conflict')
    expectProblem(await live.api('POST', path, admin, {}), 422, 'validation_failed', WRONG_FIELDS)
  })

  test('“Edit … client ID, token validity period, and permission level” [attack 22]', async () => {
    await newTenant()
    const client = await addApiClient(live, admin)
    const { access_token } = (await tokenFor(other, client)).body
    deployment.clock.advance(1000)
    const validity = (await patch(client.id, { token_validity: 120 })).body
    expect(validity).toMatchObject({ token_validity: 120, client_id: client.client_id })
    expect(Date.parse(validity.updated_at)).toBe(deployment.clock.now())
    expect(await isActive(access_token)).toBe(true) // a shorter validity is for those to come
    const renamed = `Renamed ${client.client_id}`
    expect((await patch(client.id, { client_id: renamed })).body.client_id).toBe(renamed)
    expect(await isActive(access_token)).toBe(false)
    expect((await tokenFor(other, client)).status).toBe(401)
    const again = await tokenFor(other, { ...client, client_id: renamed })
    expect(again.body.expires_in).toBe(120)
    expect((await patch(client.id, { permission: 'read' })).body.permission).toBe('read')
    expect(await isActive(again.body.access_token)).toBe(false)
    const read = (await tokenFor(other, { ...client, client_id: renamed })).body
    expect(read.scope).not.toContain('write')
    expect((await patch(client.id, { permission: 'edit' })).status).toBe(200)
    expect(await isActive(read.access_token)).toBe(true) // no more than it had
    expect((await tokenFor(other, { ...client, client_id: renamed })).body.scope).toContain('api-keys:write')
    expect((await actions(client.id)).filter((action: string) => action === 'api_client.changed')).toHaveLength(4)
  })

  test('a new secret: the old one and its tokens are dead on every node, although both remember it', async () => {
    await newTenant()
    const client = await addApiClient(live, admin)
    const { access_token } = (await tokenFor(live, client)).body
    expect((await tokenFor(other, client)).status).toBe(200)
    const client_secret = 'Another-0ne'
    expect((await patch(client.id, { client_secret })).status).toBe(200)
    for (const at of [other, live]) {
      expect((await tokenFor(at, client)).status).toBe(401)
      expect(await isActive(access_token, at)).toBe(false)
      expect((await tokenFor(at, { ...client, client_secret })).status).toBe(200)
    }
    // And back: it is a new hash.
    expect((await patch(client.id, { client_secret: client.client_secret })).status).toBe(200)
    expect((await tokenFor(other, client)).status).toBe(200)
  })

  test('nothing to change changes nothing', async () => {
    await newTenant()
    const client = await addApiClient(live, admin)
    const { access_token } = (await tokenFor(live, client)).body
    const before = await get(client.id)
    deployment.clock.advance(1000)
    for (const body of [
      {},
      { client_id: client.client_id, permission: 'edit', token_validity: 3600, status: 'active' },
    ]) {
      const response = await patch(client.id, body)
      expect([response.status, response.body.updated_at]).toEqual([200, before.updated_at])
    }
    expect(await isActive(access_token)).toBe(true)
    expect((await actions(client.id)).filter((action: string) => action.startsWith('api_client.'))).toHaveLength(1)
  })

  test('a client_id is unique, also at the same time; it may move to another client', async () => {
    await newTenant()
    const { client_id, client_secret } = chosen()
    const own = { client_id, client_secret }
    const both = await Promise.all([live, other].map((at) => at.api('POST', '/v1/api-clients', admin, chosen(own))))
    expect(both.map(({ status }) => status).sort()).toEqual([201, 409])
    const first = both.find(({ status }) => status === 201)?.body
    const second = await addApiClient(live, admin)
    // Every node knows both by now.
    const tokens = [live, other].flatMap((at) => [tokenFor(at, second), tokenFor(at, own)])
    const had = (await Promise.all(tokens)).map(({ body }) => body.access_token)
    for (const token of had) expect(await isActive(token)).toBe(true)
    expectProblem(await patch(second.id, { client_id }), 409, 'conflict')
    expect((await patch(first.id, { client_id: `no longer ${client_id}` })).status).toBe(200)
    expect((await patch(second.id, { client_id })).status).toBe(200)
    for (const at of [other, live]) {
      expect((await tokenFor(at, { ...second, client_id })).status).toBe(200)
      expect((await tokenFor(at, second)).status).toBe(401)
    }
    // What one had under a name is nobody's under it now, wherever it is shown.
    for (const at of [live, other]) {
      for (const token of had) expect(await isActive(token, at)).toBe(false)
    }
    // Another tenant's client may not have it either: the token endpoint knows no tenant.
    await newTenant()
    expectProblem(await live.api('POST', '/v1/api-clients', admin, chosen({ client_id })), 409, 'conflict')
  })

  test('“Delete API client(s)”: one, or several, or none', async () => {
    await newTenant()
    const clients = await Promise.all([1, 2, 3].map(() => addApiClient(live, admin)))
    const [one, two, three] = clients as [(typeof clients)[0], (typeof clients)[0], (typeof clients)[0]]
    const { access_token } = (await tokenFor(other, one)).body
    expect((await live.api('DELETE', `/v1/api-clients/${one.id}`, admin)).status).toBe(204)
    for (const at of [other, live]) {
      expect((await tokenFor(at, one)).status).toBe(401)
      expect(await isActive(access_token, at)).toBe(false)
    }
    expectProblem(await live.api('GET', `/v1/api-clients/${one.id}`, admin), 404, 'not_found')
    expectProblem(await live.api('DELETE', `/v1/api-clients/${one.id}`, admin), 404, 'not_found')

    const several = (ids: string[]) => live.api('POST', '/v1/api-clients/delete', admin, { ids })
    expectProblem(await several([two.id, one.id]), 404, 'not_found')
    expect((await tokenFor(other, two)).status).toBe(200)
    expect((await several([two.id, three.id, two.id])).status).toBe(204)
    expect((await live.api('GET', '/v1/api-clients', admin)).body.data).toEqual([])
    expectProblem(await several([]), 422, 'validation_failed', WRONG_FIELDS)
    expectProblem(await several(['\u0000', two.client_id]), 422, 'validation_failed', WRONG_FIELDS)

    // Its id is free again, on nodes that knew it as well.
    const again = await addApiClient(live, admin, { client_id: one.client_id, client_secret: 'Something-3lse' })
    for (const at of [other, live]) {
      expect((await tokenFor(at, again)).status).toBe(200)
      expect((await tokenFor(at, one)).status).toBe(401)
    }
    const entries = (await live.api('GET', '/v1/audit-logs?action=api_client.deleted', admin)).body.data
    expect(entries).toHaveLength(3)
  })

  describe('the list', () => {
    const SORTS = ['client_id', 'token_validity', 'status', 'permission', 'updated_at']

    test('“Sort by …” every column, both ways, with ties, page by page', async () => {
      await newTenant()
      const made = []
      for (let each = 0; each < 11; each++) {
        if (each % 3) deployment.clock.advance(1000)
        const more = { token_validity: 60 + (each % 4), permission: each % 2 ? 'read' : 'edit' }
        made.push(await addApiClient(each % 2 ? live : other, admin, more))
      }
      for (const column of SORTS) {
        for (const sort of [column, `-${column}`]) {
          const rows = []
          let cursor = ''
          do {
            const query = `limit=3&sort=${sort}${cursor && `&cursor=${cursor}`}`
            const { status, body } = await live.api('GET', `/v1/api-clients?${query}`, admin)
            expect([sort, status]).toEqual([sort, 200])
            rows.push(...body.data)
            cursor = body.next_cursor ?? ''
          } while (cursor)
          expect([sort, new Set(rows.map(({ id }) => id)).size, rows.length]).toEqual([sort, made.length, made.length])
          const values = rows.map((row) => row[column])
          // Text is ordered as the database does: no two ids here differ by what that could change.
          if (column === 'client_id') continue
          const sorted = [...values].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0))
          expect([sort, values]).toEqual([sort, sort.startsWith('-') ? sorted.reverse() : sorted])
        }
      }
      const forward = (await live.api('GET', '/v1/api-clients?sort=client_id', admin)).body.data
      const backward = (await live.api('GET', '/v1/api-clients?sort=-client_id', admin)).body.data
      expect(backward.map((row: { id: string }) => row.id).reverse()).toEqual(
        forward.map((row: { id: string }) => row.id),
      )
    })

    test('“search for specific clients by their client ID”: wildcards are letters; filters', async () => {
      await newTenant()
      const ids = [`a_b%c ${Date.now()}`, `axbyc ${Date.now()}`, `Back\\slash ${Date.now()}`]
      for (const client_id of ids) await addApiClient(live, admin, { client_id })
      const found = async (query: Record<string, string>) => {
        const { status, body } = await live.api('GET', `/v1/api-clients?${new URLSearchParams(query)}`, admin)
        expect(status).toBe(200)
        return body.data.map(({ client_id }: { client_id: string }) => client_id).sort()
      }
      expect(await found({ search: 'A_B' })).toEqual([ids[0]])
      expect(await found({ search: 'b%' })).toEqual([ids[0]])
      expect(await found({ search: '\\' })).toEqual([ids[2]])
      expect(await found({ search: 'axb', permission: 'edit', status: 'active' })).toEqual([ids[1]])
      expect(await found({ permission: 'read' })).toEqual([])
      expect(await found({ status: 'inactive' })).toEqual([])
    })

    test('a cursor of another list, or of nobody, is refused', async () => {
      await newTenant()
      for (let each = 0; each < 2; each++) await addApiClient(live, admin)
      const { next_cursor } = (await live.api('GET', '/v1/api-clients?limit=1&sort=client_id', admin)).body
      const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
      const cursors = [
        ...[next_cursor, 'x', encode(null), encode(['-updated_at', 'soon', 'client_aaaaaaaa']), encode({})],
        ...[encode(['-updated_at', 1e20, 'client_aaaaaaaa']), encode(['-updated_at', 1, 'x\u0000'])],
      ]
      for (const cursor of cursors) {
        expectProblem(
          await live.api('GET', `/v1/api-clients?cursor=${cursor}`, admin),
          422,
          'validation_failed',
          WRONG_FIELDS,
        )
      }
      expectProblem(
        await live.api('GET', '/v1/api-clients?sort=client_secret', admin),
        422,
        'validation_failed',
        WRONG_FIELDS,
      )
    })
  })

  test('“activity logs … authentication and generation history”: page by page, of nobody else', async () => {
    const one = await newTenant()
    const client = await addApiClient(live, admin)
    await addApiClient(live, admin)
    for (const status of ['inactive', 'active']) await patch(client.id, { status })
    const path = `/v1/api-clients/${client.id}/activity`
    const first = (await live.api('GET', `${path}?limit=2`, admin)).body
    const rest = (await live.api('GET', `${path}?limit=2&cursor=${first.next_cursor}`, admin)).body
    const seen = [...first.data, ...rest.data]
    expect(seen.map(({ action }: { action: string }) => action)).toEqual([
      ...['api_client.activated', 'api_client.deactivated', 'api_client.created'],
    ])
    for (const { actor, target } of seen) expect([actor.id, target.id]).toContain(client.id)
    expect(rest.next_cursor).toBeNull()
    await newTenant()
    expectProblem(await live.api('GET', path, admin), 404, 'not_found')
    expect(one.id).toBeTruthy()
  })
})
