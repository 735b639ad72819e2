import { beforeAll, describe, expect, test } from 'vitest'
import { describeDeployments } from '../deployments.ts'
import { type Caller, startDeployment, type TestDeployment } from '../start.ts'
import { expectFields, expectProblem } from './problem.ts'

const REDIRECT = 'https://app.example/callback'
const RFC3339_UTC = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)

describeDeployments('/v1/apps', (open) => {
  let deployment: TestDeployment
  let live: Caller
  let there: Caller
  let key: string

  beforeAll(async () => {
    deployment = await startDeployment(open)
    live = deployment.nodes[0].at('live')
    there = deployment.nodes[1].at('live')
    key = deployment.made.live.api_key
  })

  const create = async (more: object = {}) => {
    const body = { name: 'Shop', type: 'confidential', redirect_uris: [REDIRECT], ...more }
    const response = await live.api('POST', '/v1/apps', key, body)
    expect([response.status, response.body.fields]).toEqual([201, undefined])
    return response.body
  }
  const change = (id: string, body: object) => live.api('PATCH', `/v1/apps/${id}`, key, body)
  /** Which status a client gets that asks about a token: 200 if it is who it says it is. */
  const authenticates = async (app: { client_id: string; client_secret: string }, at = there) =>
    (await at.introspect(app, 'x')).status
  const actionsOn = async (target: string): Promise<{ action: string; details: object }[]> =>
    (await live.api('GET', `/v1/audit-logs?target=${target}`, key)).body.data

  describe('POST', () => {
    test('a confidential one, with the defaults and, this once, its secret', async () => {
      const made = await create()
      expect(made).toEqual({
        ...{ id: expect.stringMatching(/^app_[a-z2-7]{12}$/), client_id: made.id, type: 'confidential' },
        ...{ name: 'Shop', description: null, status: 'active', homepage: null },
        ...{ redirect_uris: [REDIRECT], post_logout_redirect_uris: [] },
        ...{ refresh_idle: 2_592_000, refresh_absolute: 7_776_000, refresh_retry_window: null },
        ...{ require_par: false, require_dpop: false, scopes: null, token_validity: null, jwks: null },
        ...{ created_at: RFC3339_UTC, updated_at: made.created_at, revoked_at: null },
        created_by: expect.stringMatching(/^key_/),
        client_secret: expect.stringMatching(/^cs_live_[a-z2-7]{12}_[0-9A-Za-z]{49}$/),
      })
      const { client_secret: _, ...record } = made
      expect((await there.api('GET', `/v1/apps/${made.id}`, key)).body).toEqual(record)
    })

    test('a public one has no secret; loopback and private-use schemes are its own', async () => {
      const redirect_uris = ['http://127.0.0.1/callback', 'com.example.app:/callback', 'http://localhost:8080/']
      const made = await create({ type: 'public', redirect_uris })
      expect(made).not.toHaveProperty('client_secret')
      expect(made).toMatchObject({ type: 'public', redirect_uris })
    })

    test('every setting is kept', async () => {
      const settings = {
        ...{ description: 'sells', homepage: 'https://shop.example/', scopes: ['apps:read', 'tenant:read'] },
        ...{ redirect_uris: [REDIRECT, `${REDIRECT}2`], post_logout_redirect_uris: ['https://app.example/bye'] },
        ...{ refresh_idle: 60, refresh_absolute: 60, refresh_retry_window: 0, token_validity: 60 },
        ...{ require_dpop: true, require_par: true },
      }
      expect(await create(settings)).toMatchObject(settings)
    })

    test('what is said twice is kept once', async () => {
      const made = await create({ redirect_uris: [REDIRECT, REDIRECT], scopes: ['apps:read', 'apps:read'] })
      expect(made).toMatchObject({ redirect_uris: [REDIRECT], scopes: ['apps:read'] })
    })
  })

  test('GET: the secret is nowhere again: not in list, get, audit log, nor any table', async () => {
    const { id, client_secret } = await create()
    const pages = [
      await live.api('GET', `/v1/apps/${id}`, key),
      await live.api('GET', '/v1/apps?limit=100', key),
      await live.api('GET', '/v1/audit-logs?limit=100', key),
      await change(id, { name: 'Renamed' }),
    ]
    const { database } = deployment.storage
    const [{ dump } = { dump: '' }] = await database.$queryRaw<{ dump: string }[]>`
      SELECT (SELECT json_agg(c)::text FROM client c) || (SELECT json_agg(a)::text FROM app a)
        || (SELECT json_agg(s)::text FROM secret s) || (SELECT json_agg(a)::text FROM audit_entry a) AS dump`
    for (const text of [...pages.map((page) => page.text), dump]) {
      expect(text).toContain(id)
      expect(text).not.toContain(client_secret.slice(-49))
    }
  })

  describe('GET: the list', () => {
    test('by pages, and by what is searched in the name, to the letter, or as client_id', async () => {
      const made = []
      for (const name of ['Alpha 100%', 'beta_alpha', 'Gamma']) made.push(await create({ name }))
      const found = async (search: string) => {
        const path = `/v1/apps?limit=100&search=${encodeURIComponent(search)}`
        const { body } = await there.api('GET', path, key)
        return body.data.map(({ name }: { name: string }) => name)
      }
      expect((await found('ALPHA')).sort()).toEqual(['Alpha 100%', 'beta_alpha'])
      expect(await found('0%')).toEqual(['Alpha 100%'])
      expect(await found('a_a')).toEqual(['beta_alpha'])
      expect(await found(made[2].client_id)).toEqual(['Gamma'])
      for (const none of ['%', '_', '\\', "'"].map((wildcard) => `Gam${wildcard}`))
        expect(await found(none)).toEqual([])

      const all: string[] = []
      for (let cursor: string | null = ''; cursor !== null; ) {
        const query = `limit=2${cursor && `&cursor=${cursor}`}`
        const { body } = await there.api('GET', `/v1/apps?search=a&${query}`, key)
        all.push(...body.data.map(({ id }: { id: string }) => id))
        cursor = body.next_cursor
      }
      expect(new Set(all).size).toBe(all.length)
      expect(all).toEqual(expect.arrayContaining(made.map(({ id }) => id)))
    })
  })

  describe('PATCH', () => {
    test('changes what is named, nothing else; the log says what', async () => {
      const { id, client_secret, ...before } = await create()
      deployment.clock.advance(1000)
      const { status, body } = await change(id, { name: 'Store', require_dpop: true, refresh_retry_window: 300 })
      expect(status).toBe(200)
      const changed = { name: 'Store', require_dpop: true, refresh_retry_window: 300 }
      expect(body).toEqual({ id, ...before, ...changed, updated_at: RFC3339_UTC })
      expect(body.updated_at).not.toBe(before.updated_at)
      expect((await actionsOn(id))[0]).toMatchObject({
        action: 'app.changed',
        details: { name: 'Store', changed: ['name', 'requireDpop', 'refreshRetryWindow'] },
      })
    })

    test('null is the default again', async () => {
      const said = { description: 'd', homepage: 'https://a.example/', token_validity: 60, refresh_retry_window: 5 }
      const { id } = await create({ ...said, scopes: ['apps:read'] })
      const none = Object.fromEntries([...Object.keys(said), 'scopes'].map((name) => [name, null]))
      expect((await change(id, none)).body).toMatchObject(none)
    })

    test('what changes nothing is no event', async () => {
      const { id, name } = await create()
      for (const body of [{}, { name }]) expect((await change(id, body)).status).toBe(200)
      expect((await actionsOn(id)).map(({ action }) => action)).toEqual(['app.created'])
    })

    test('the other node knows at the next request', async () => {
      const { id } = await create({ type: 'public' })
      const authorize = (redirect: string) => {
        const query = { client_id: id, response_type: 'code', redirect_uri: redirect, code_challenge_method: 'S256' }
        return there.get(`/oauth/authorize?${new URLSearchParams({ ...query, code_challenge: 'a'.repeat(43) })}`)
      }
      const other = 'https://app.example/other'
      expect([(await authorize(REDIRECT)).status, (await authorize(other)).status]).toEqual([303, 400])
      expect((await change(id, { redirect_uris: [other] })).status).toBe(200)
      expect([(await authorize(REDIRECT)).status, (await authorize(other)).status]).toEqual([400, 303])
    })
  })

  describe('the secret', () => {
    test('authenticates the app on both nodes', async () => {
      const app = await create()
      expect([await authenticates(app, live), await authenticates(app)]).toEqual([200, 200])
      expect(await authenticates({ ...app, client_secret: (await create()).client_secret })).toBe(401)
    })

    test('rotated: the old one is dead at once, on every node', async () => {
      const app = await create()
      expect(await authenticates(app)).toBe(200)
      const { status, body } = await live.api('POST', `/v1/apps/${app.id}/rotate-secret`, key, {})
      expect([status, body.id, body.client_id]).toEqual([200, app.id, app.client_id])
      expect(body.client_secret).toMatch(/^cs_live_[a-z2-7]{12}_[0-9A-Za-z]{49}$/)
      expect([await authenticates(app), await authenticates(body)]).toEqual([401, 200])
      expect((await actionsOn(app.id))[0]).toMatchObject({ action: 'app.secret_rotated', details: { old_until: null } })
    })

    test('with an overlap both work until it ends; at most two ever do', async () => {
      const app = await create()
      const rotate = async () => {
        const body = { overlap_seconds: 60 }
        return (await live.api('POST', `/v1/apps/${app.id}/rotate-secret`, key, body)).body
      }
      const second = await rotate()
      expect([await authenticates(app), await authenticates(second)]).toEqual([200, 200])
      deployment.clock.advance(30_000)
      const third = await rotate()
      const all = async () => [await authenticates(app), await authenticates(second), await authenticates(third)]
      expect(await all()).toEqual([401, 200, 200])
      deployment.clock.advance(59_999)
      expect(await all()).toEqual([401, 200, 200])
      deployment.clock.advance(1)
      expect(await all()).toEqual([401, 401, 200])
    })

    test('of rotations at once two secrets are left', async () => {
      const app = await create()
      const rotations = Array.from({ length: 6 }, (_, at) =>
        [live, there][at % 2]?.api('POST', `/v1/apps/${app.id}/rotate-secret`, key, { overlap_seconds: 60 }),
      )
      const secrets = (await Promise.all(rotations)).map((response) => {
        expect(response?.status).toBe(200)
        return response?.body
      })
      const works = await Promise.all(secrets.map((secret) => authenticates(secret)))
      expect(works.filter((status) => status === 200)).toHaveLength(2)
    })
  })

  describe('DELETE', () => {
    test('for good: dead on both nodes at the next request, still in the list', async () => {
      const app = await create()
      expect(await authenticates(app)).toBe(200)
      const { status, text } = await live.api('DELETE', `/v1/apps/${app.id}`, key)
      expect([status, text]).toEqual([204, ''])
      expect([await authenticates(app, live), await authenticates(app)]).toEqual([401, 401])
      const record = await there.api('GET', `/v1/apps/${app.id}`, key)
      expect(record.body).toMatchObject({ status: 'revoked', revoked_at: RFC3339_UTC })
      expectProblem(await change(app.id, { name: 'back' }), 409, 'conflict')
      expectProblem(await live.api('POST', `/v1/apps/${app.id}/rotate-secret`, key, {}), 409, 'conflict')
    })

    test('repeated, it changes nothing more', async () => {
      const { id } = await create()
      for (const _ of ['once', 'twice']) expect((await live.api('DELETE', `/v1/apps/${id}`, key)).status).toBe(204)
      expect((await actionsOn(id)).map(({ action }) => action)).toEqual(['app.revoked', 'app.created'])
    })
  })

  test('one that a document describes (CIMD) is disabled and limited here, and described there', async () => {
    const { database } = deployment.storage
    const { id } = await create({ type: 'public' })
    const metadataUrl = 'https://app.example/client.json'
    await database.app.update({ where: { clientId: id }, data: { metadataUrl } })
    expect((await there.api('GET', `/v1/apps/${id}`, key)).body).toMatchObject({ id, client_id: metadataUrl })
    const described = { name: 'x', redirect_uris: [REDIRECT], homepage: null }
    expectFields(await change(id, described), '/name', '/redirect_uris', '/homepage')
    expect((await change(id, { scopes: ['apps:read'], refresh_idle: 60 })).body).toMatchObject({ refresh_idle: 60 })
    expect((await live.api('DELETE', `/v1/apps/${id}`, key)).status).toBe(204)
  })

  test('not found: what is no app', async () => {
    const user = (await live.api('POST', '/v1/service-users', key, { name: 'u', role: 'viewer' })).body.id
    const theirs = (
      await deployment.nodes[0].at('test').api('POST', '/v1/apps', deployment.made.test.api_key, {
        ...{ name: 'In the sandbox', type: 'public', redirect_uris: [REDIRECT] },
      })
    ).body.id
    for (const id of [user, theirs, 'app_aaaaaaaaaaaa', 'app_', 'x', '%00', `app_${'a'.repeat(5000)}`]) {
      expectProblem(await live.api('GET', `/v1/apps/${id}`, key), 404, 'not_found')
      expectProblem(await change(id, { name: 'x' }), 404, 'not_found')
      expectProblem(await live.api('DELETE', `/v1/apps/${id}`, key), 404, 'not_found')
      expectProblem(await live.api('POST', `/v1/apps/${id}/rotate-secret`, key, {}), 404, 'not_found')
    }
  })
})
