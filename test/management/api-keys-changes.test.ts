import { beforeAll, describe, expect, test } from 'vitest'
import { describeDeployment } from '../deployments.ts'
import { type Caller, startDeployment, type TestDeployment } from '../start.ts'
import { createTenant, type TestKey } from '../tenants.ts'
import { expectFields, expectProblem } from './problem.ts'

interface MadeKey extends TestKey {
  readonly id: string
}

describeDeployment('cluster', 'PATCH /v1/api-keys', (open) => {
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

  const create = async (more: object = {}, by = admin): Promise<MadeKey> =>
    (await live.api('POST', '/v1/api-keys', by, { kind: 'standard', name: 'k', ...more })).body
  const patch = (id: string, body: object, by = admin) => live.api('PATCH', `/v1/api-keys/${id}`, by, body)
  const tokenOf = async (key: TestKey): Promise<string> => (await there.token(key)).body.access_token
  const isActive = async (token: string) => (await there.introspect(deployment.made.live, token)).body.active
  const inSeconds = (seconds: number) => new Date(deployment.clock.now() + seconds * 1000).toISOString()

  // seed: knock-api-keys ("provide a description to help identify the key's purpose"), knoxcall-oauth-and-api-keys ("a descriptive name")
  test('name, description and tags: its tokens live on, and the log says what', async () => {
    const key = await create()
    const token = await tokenOf(key)
    const body = { name: 'Backend Server', description: 'for orders', tags: ['eu', 'prod', 'eu'] }
    const changed = await patch(key.id, body)
    expect(changed.body).toMatchObject({ ...body, tags: ['eu', 'prod'], id: key.id })
    expect((await there.api('GET', `/v1/api-keys/${key.id}`, admin)).body).toEqual(changed.body)
    expect(await isActive(token)).toBe(true)
    expect((await patch(key.id, { ...body, tags: ['eu', 'prod'] })).body).toEqual(changed.body)
    expect((await patch(key.id, { description: null })).body).toMatchObject({ description: null })
    const { data } = (await live.api('GET', `/v1/audit-logs?target=${key.id}&action=api_key.changed`, admin)).body
    expect(data.map((entry: { details: { changed?: string[] } }) => entry.details.changed)).toEqual([
      ['description'],
      ['name', 'description', 'tags'],
    ])
  })

  test.each([
    ['/name', { name: ' ' }],
    ['/name', { name: null }],
    ['/tags', { tags: Array.from({ length: 21 }, (_, each) => `t${each}`) }],
    ['/tags/0', { tags: [''] }],
    ['/tags/0', { tags: ['x'.repeat(65)] }],
    ['/tags', { tags: null }],
    ['/scopes', { scopes: [] }],
    ['/scopes/0', { scopes: ['nobody:knows'] }],
    ['/expires_at', { expires_at: '2001-01-01T00:00:00Z' }],
    ['/token_validity', { token_validity: 59 }],
    ['/require_dpop', { require_dpop: null }],
    ['/kind', { kind: 'enterprise' }],
    ['/client_id', { client_id: 'tk_mine' }],
  ])('%s is wrong (%#)', async (pointer, body) => {
    expectFields(await patch((await create()).id, body), pointer)
  })

  test('narrowed it loses at the next request what it had, and so do its tokens [attack 22]', async () => {
    const key = await create({ scopes: ['api-keys:read', 'apps:read'] })
    const token = await tokenOf(key)
    expect((await patch(key.id, { scopes: ['apps:read'] })).body.scopes).toEqual(['apps:read'])
    expect(await isActive(token)).toBe(false)
    expect((await there.api('GET', '/v1/me', key.api_key)).body.scopes).toEqual(['apps:read'])
    expect((await there.api('GET', '/v1/api-keys', key.api_key)).status).toBe(403)
  })

  test('full access made narrow kills too; extended it keeps its tokens', async () => {
    const key = await create()
    const token = await tokenOf(key)
    await patch(key.id, { scopes: ['apps:read'] })
    expect(await isActive(token)).toBe(false)
    const narrow = await tokenOf(key)
    await patch(key.id, { scopes: ['apps:read', 'apps:write'] })
    expect(await isActive(narrow)).toBe(true)
    expect((await patch(key.id, { scopes: null })).body.scopes).toBeNull()
    expect((await there.token(key, { scope: 'api-keys:write' })).status).toBe(200)
  })

  test('an earlier end takes tokens along that would outlive it; a later one does not [attack 12]', async () => {
    const key = await create({ expires_at: inSeconds(7200) })
    const token = await tokenOf(key)
    await patch(key.id, { expires_at: inSeconds(9000) })
    expect(await isActive(token)).toBe(true)
    await patch(key.id, { expires_at: inSeconds(60) })
    expect(await isActive(token)).toBe(false)
    expect((await there.token(key)).body.expires_in).toBeLessThanOrEqual(60)
    expect((await patch(key.id, { expires_at: null })).body.expires_at).toBeNull()
  })

  test('told to bind its tokens, those without a key of their own are dead', async () => {
    const key = await create()
    const token = await tokenOf(key)
    await patch(key.id, { require_dpop: true })
    expect(await isActive(token)).toBe(false)
    expect((await there.token(key)).status).toBe(400)
    await patch(key.id, { require_dpop: false, token_validity: 120 })
    expect((await there.token(key)).body.expires_in).toBe(120)
  })

  // seed: knoxcall-oauth-and-api-keys ("Enhanced keys with configurable scopes and expiration")
  test('an enterprise key keeps scopes and an end', async () => {
    const { id } = await create({ kind: 'enterprise', scopes: ['apps:read'], expires_at: inSeconds(86_400) })
    expectFields(await patch(id, { scopes: null }), '/scopes')
    expectFields(await patch(id, { expires_at: null }), '/expires_at')
    const body = { scopes: ['apps:read', 'apps:write'], expires_at: inSeconds(2 * 86_400) }
    expect((await patch(id, body)).body).toMatchObject(body)
  })

  test('a public key has no scopes of its own to change', async () => {
    const { id } = await create({ kind: 'public' })
    expectFields(await patch(id, { scopes: ['apps:read'] }), '/scopes')
    expect((await patch(id, { name: 'web' })).body.name).toBe('web')
  })

  test('a revoked or expired key stays as it is', async () => {
    const revoked = await create()
    await live.api('DELETE', `/v1/api-keys/${revoked.id}`, admin)
    const expired = await create({ expires_at: inSeconds(1) })
    deployment.clock.advance(1000)
    for (const body of [{ name: 'mine' }, { expires_at: null }, { scopes: null }]) {
      expectProblem(await patch(revoked.id, body), 409, 'conflict')
      expectProblem(await patch(expired.id, body), 409, 'conflict')
    }
  })

  describe('power', () => {
    const scopes = ['api-keys:read', 'api-keys:write']

    test('neither beyond one’s own, nor on one that has more', async () => {
      const writer = (await create({ scopes })).api_key
      const [full, same] = [await create(), await create({ scopes })]
      const refused = async (id: string, body: object) => {
        const { status, body: problem } = await patch(id, body, writer)
        expect([status, problem.error]).toEqual([403, 'insufficient_scope'])
      }
      await refused(same.id, { scopes: [...scopes, 'members:write'] })
      await refused(same.id, { scopes: null })
      for (const body of [{ scopes }, { require_dpop: false }, { expires_at: null }, { token_validity: 60 }]) {
        await refused(full.id, body)
      }
      expect((await patch(same.id, { scopes: ['api-keys:read'] }, writer)).status).toBe(200)
      expect((await patch(full.id, { name: 'renamed' }, writer)).status).toBe(200)
      expect((await live.api('GET', `/v1/api-keys/${full.id}`, admin)).body).toMatchObject({ scopes: null })
    })

    test('not another tenant’s, nor one of the other mode', async () => {
      const { id } = await create()
      const stranger = (await createTenant(deployment)).keys.live.api_key
      expectProblem(await patch(id, { name: 'mine' }, stranger), 404, 'not_found')
      const sandbox = deployment.nodes[0].at('test')
      const response = await sandbox.api('PATCH', `/v1/api-keys/${id}`, deployment.made.test.api_key, { name: 'mine' })
      expectProblem(response, 404, 'not_found')
    })

    test('two admins at once: with If-Match the second hears of the first', async () => {
      const { id } = await create()
      const { headers } = await live.api('GET', `/v1/api-keys/${id}`, admin)
      const change = (name: string) => patch(id, { name }).set('If-Match', headers.etag as string)
      const statuses = (await Promise.all([change('one'), change('two')])).map(({ status }) => status)
      expect(statuses.sort()).toEqual([200, 412])
    })
  })

  // seed: knock-api-keys ("find the key")
  describe('list', () => {
    let own: string
    const made: Record<string, MadeKey> = {}

    beforeAll(async () => {
      own = (await createTenant(deployment)).keys.live.api_key
      const expires_at = inSeconds(10)
      made.orders = await create({ name: 'Orders 100%', tags: ['eu', 'prod'], description: 'to_the shop' }, own)
      made.web = await create({ kind: 'public', name: 'web', tags: ['prod'] }, own)
      made.ending = await create({ name: 'ending', expires_at }, own)
      made.gone = await create({ name: 'gone', scopes: ['apps:read'] }, own)
      made.big = await create(
        { kind: 'enterprise', name: 'big', scopes: ['apps:read'], expires_at: inSeconds(86_400) },
        own,
      )
      await live.api('DELETE', `/v1/api-keys/${made.gone.id}`, own)
      deployment.clock.advance(10_000)
    })

    const found = async (query: string) => {
      const { status, body } = await there.api('GET', `/v1/api-keys?limit=100&${query}`, own)
      expect(status).toBe(200)
      const names = body.data.map(({ name }: { name: string }) => name)
      return names.filter((name: string) => name !== 'Full access').sort()
    }

    test.each([
      ['search=orders', ['Orders 100%']],
      ['search=SHOP', ['Orders 100%']],
      ['search=100%25', ['Orders 100%']],
      ['search=%25', ['Orders 100%']],
      ['search=o_the', ['Orders 100%']],
      ['search=_', ['Orders 100%']],
      ['search=eu', ['Orders 100%']],
      ['search=prod', ['Orders 100%', 'web']],
      ['search=%27%20OR%201=1', []],
      ['tag=prod', ['Orders 100%', 'web']],
      ['tag=pro', []],
      ['kind=public', ['web']],
      ['kind=enterprise', ['big']],
      ['status=expired', ['ending']],
      ['status=revoked', ['gone']],
      ['status=active', ['Orders 100%', 'big', 'web']],
      ['status=active&kind=standard&tag=prod&search=orders', ['Orders 100%']],
    ])('%s', async (query, names) => {
      expect(await found(query)).toEqual(names)
    })

    test('by what stands in a configuration: the client_id, or the begin of a key', async () => {
      const { orders, web, big } = made as Required<typeof made>
      expect(await found(`search=${orders?.client_id}`)).toEqual(['Orders 100%'])
      expect(await found(`search=${orders?.api_key.slice(0, 16)}`)).toEqual(['Orders 100%'])
      expect(await found(`search=${web?.client_id}`)).toEqual(['web'])
      expect(await found(`search=${big?.client_id}`)).toEqual(['big'])
    })

    test('with pages: none twice, none left out', async () => {
      const seen: string[] = []
      for (let cursor = ''; ; ) {
        const { body } = await live.api('GET', `/v1/api-keys?status=active&limit=1${cursor}`, own)
        seen.push(...body.data.map(({ id }: { id: string }) => id))
        if (body.next_cursor === null) break
        cursor = `&cursor=${body.next_cursor}`
      }
      expect([new Set(seen).size, seen.length]).toEqual([4, 4])
    })

    test.each(['kind=personal', 'kind=app', 'status=leaked', 'tag=%00', `search=${'x'.repeat(101)}`])(
      '%s is no filter',
      async (query) => {
        expectFields(await live.api('GET', `/v1/api-keys?${query}`, own), `?${query.split('=')[0]}`)
      },
    )
  })
})
