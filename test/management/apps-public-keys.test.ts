import { beforeAll, expect, test } from 'vitest'
import { describeDeployment, describeDeployments } from '../deployments.ts'
import { agree, createBrowser, createPerson } from '../oauth/people.ts'
import { type Caller, startDeployment, type TestDeployment } from '../start.ts'
import { expectFields, expectProblem } from './problem.ts'

const REDIRECT = 'https://app.example/callback'
const PUBLIC = { kind: 'public', name: 'web' }

describeDeployments('a public key as client_id of the authorization code flow', (open) => {
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
    const response = await live.api('POST', '/v1/api-keys', key, { ...PUBLIC, redirect_uris: [REDIRECT], ...more })
    expect([response.status, response.body.fields]).toEqual([201, undefined])
    return response.body
  }

  test('its settings are in its view, in list and get alike', async () => {
    const settings = {
      ...{ redirect_uris: [REDIRECT, 'com.example.app:/cb'], post_logout_redirect_uris: [REDIRECT] },
      ...{ refresh_idle: 600, refresh_absolute: 6000, refresh_retry_window: 10, require_par: true },
      ...{ homepage: 'https://app.example/', scopes: ['apps:read'] },
    }
    const { api_key, ...record } = await create(settings)
    expect(record).toMatchObject({ ...settings, kind: 'public', client_id: api_key })
    expect(api_key).toMatch(/^pk_live_[a-z2-7]{12}$/)
    expect((await there.api('GET', `/v1/api-keys/${record.id}`, key)).body).toEqual(record)
    expect((await there.api('GET', '/v1/api-keys', key)).body.data).toContainEqual(record)
    expect((await there.api('GET', '/v1/apps', key)).body.data).toEqual([])
  })

  test('a person signs in with it; revoked, it and all it got are dead', async () => {
    const made = await create({ scopes: ['apps:read'] })
    const app = { id: made.id, client_id: made.client_id, redirect_uris: made.redirect_uris }
    const agreed = await agree(createBrowser(live, await createPerson(deployment)), app)
    const form = { grant_type: 'authorization_code', client_id: app.client_id, ...agreed }
    const { status, body } = await there.form('/oauth/token', form)
    expect([status, body.scope]).toEqual([200, 'apps:read'])
    expect((await live.api('GET', '/v1/apps', body.access_token)).status).toBe(200)
    expect((await live.api('DELETE', `/v1/api-keys/${made.id}`, key)).status).toBe(204)
    expect((await there.api('GET', '/v1/apps', body.access_token)).status).toBe(401)
    const refresh = { grant_type: 'refresh_token', client_id: app.client_id, refresh_token: body.refresh_token }
    expect((await there.form('/oauth/token', refresh)).body.error).toBe('invalid_client')
  })

  test('without redirect URIs it only names the tenant', async () => {
    const { client_id, ...record } = (await live.api('POST', '/v1/api-keys', key, PUBLIC)).body
    expect(record).not.toHaveProperty('redirect_uris')
    const query = new URLSearchParams({ client_id, response_type: 'code', redirect_uri: REDIRECT })
    expect((await live.get(`/oauth/authorize?${query}`)).status).toBe(400)
  })
})

describeDeployment('database', 'what a public key may be', (open) => {
  let live: Caller
  let key: string

  beforeAll(async () => {
    const { nodes, made } = await startDeployment(open)
    live = nodes[0].at('live')
    key = made.live.api_key
  })

  const post = (body: object, by = key) => live.api('POST', '/v1/api-keys', by, body)

  test('no other key has redirect URIs, or anything of the flow', async () => {
    const flow = { redirect_uris: [REDIRECT], refresh_idle: 60, require_par: false }
    const pointers = Object.keys(flow).map((name) => `/${name}`)
    expectFields(await post({ kind: 'standard', name: 'k', ...flow }), ...pointers)
  })

  test('nothing of the flow, nor scopes, without redirect URIs', async () => {
    const flow = { post_logout_redirect_uris: [], homepage: 'https://a.example', refresh_retry_window: 5 }
    expectFields(await post({ ...PUBLIC, ...flow }), ...Object.keys(flow).map((name) => `/${name}`))
    expectFields(await post({ ...PUBLIC, scopes: ['apps:read'] }), '/scopes')
  })

  test('wrong settings', async () => {
    const wrong = (more: object) => post({ ...PUBLIC, redirect_uris: [REDIRECT], ...more })
    expectFields(await wrong({ redirect_uris: [] }), '/redirect_uris')
    expectFields(await wrong({ redirect_uris: ['http://app.example/'] }), '/redirect_uris/0')
    expectFields(await wrong({ refresh_idle: 100, refresh_absolute: 99 }), '/refresh_absolute')
    expectFields(await wrong({ scopes: ['moon:read'] }), '/scopes/0')
    expectFields(await wrong({ jwks: { keys: [] } }), '/jwks')
  })

  test('it has no more power than its maker', async () => {
    const { api_key } = (await post({ kind: 'standard', name: 'k', scopes: ['api-keys:write'] })).body
    const body = { ...PUBLIC, redirect_uris: [REDIRECT] }
    expect((await post(body, api_key)).body.scopes).toEqual(['api-keys:write'])
    const beyond = await post({ ...body, scopes: ['tenant:write'] }, api_key)
    expectProblem(beyond, 403, 'insufficient_scope', { scope: 'tenant:write' })
  })
})
