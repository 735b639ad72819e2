import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { describeDeployments } from '../deployments.ts'
import { type Caller, startDeployment, type TestDeployment } from '../start.ts'
import { createTenant } from '../tenants.ts'
import { agree, type Browser, challengeOf, createBrowser, createPerson, REDIRECT_URI, type TestApp } from './people.ts'

/** The whole way of a client that nobody registered: draft-ietf-oauth-client-id-metadata-document. */
describeDeployments('a client that is described by a document (CIMD)', (open) => {
  let deployment: TestDeployment
  let live: Caller
  let browser: Browser
  let app: TestApp
  let fetches = 0

  const described: Record<string, unknown> = { client_name: 'An agent', redirect_uris: [REDIRECT_URI] }
  const documents = createServer((request, response) => {
    fetches++
    response.setHeader('content-type', 'application/json')
    const client_id = `http://${request.headers.host}${request.url}`
    response.end(JSON.stringify({ client_id, token_endpoint_auth_method: 'none', ...described }))
  })

  beforeAll(async () => {
    await new Promise<void>((resolve) => documents.listen(0, '127.0.0.1', resolve))
    const host = `localhost:${(documents.address() as AddressInfo).port}`
    deployment = await startDeployment(open, { outboundAllow: [host] })
    live = deployment.nodes[0].at('live')
    browser = createBrowser(live, await createPerson(deployment))
    app = { id: '', client_id: `http://${host}/agent.json`, redirect_uris: [REDIRECT_URI] }
  })
  afterAll(() => void documents.close())

  const setting = (on: boolean) =>
    live.api('PATCH', '/v1/tenant', deployment.made.live.api_key, { metadata_document_clients: on })
  const request = (fields: Record<string, string> = {}) =>
    new URLSearchParams({
      ...{ client_id: app.client_id, response_type: 'code', redirect_uri: REDIRECT_URI, resource: live.issuer },
      ...{ code_challenge: challengeOf('x'.repeat(43)), code_challenge_method: 'S256', ...fields },
    })
  const redeem = (code: object, at = live) =>
    at.form('/oauth/token', { grant_type: 'authorization_code', client_id: app.client_id, ...code } as never)
  const refresh = (refresh_token: string, at = live) =>
    at.form('/oauth/token', { grant_type: 'refresh_token', client_id: app.client_id, refresh_token })

  test('while the tenant has not turned it on it is unknown, and nothing is fetched [attack 85]', async () => {
    const page = await browser.open(`/oauth/authorize?${request()}`)
    expect([page.status, page.location, fetches]).toEqual([400, undefined, 0])
    expect((await redeem({ code: 'x', code_verifier: 'x'.repeat(43) })).body.error).toBe('invalid_client')
    expect(fetches).toBe(0)
  })

  describe('turned on', () => {
    beforeAll(async () => {
      expect((await setting(true)).status).toBe(200)
    })

    test('a stranger who asks writes no record', async () => {
      const { database } = deployment.storage
      const before = await database.client.count()
      const stranger = createBrowser(live, { email: '', password: '' })
      expect((await stranger.open(`/oauth/authorize?${request()}`)).text).toContain('name="password"')
      expect((await live.form('/oauth/par', request().toString())).status).toBe(201)
      expect(await database.client.count()).toBe(before)
    })

    test('the consent page says where it comes from; what it gives works, refreshes, and is remembered', async () => {
      const asked = await signedIn()
      expect(asked.text).toContain('name="decision"')
      expect(asked.text).toContain(new URL(app.client_id).host)
      const code = await agree(browser, app, { resource: live.issuer, scope: 'api-keys:read' })
      const { status, body } = await redeem(code, deployment.nodes[1].at('live'))
      expect([status, body.scope]).toEqual([200, 'api-keys:read'])
      const { body: introspected } = await live.introspect(deployment.made.live, body.access_token)
      expect(introspected).toMatchObject({ active: true, client_id: app.client_id })
      expect((await live.api('GET', '/v1/api-keys', body.access_token)).status).toBe(200)
      expect((await refresh(body.refresh_token)).status).toBe(200)
      expect((await browser.open(`/oauth/authorize?${request({ scope: 'api-keys:read' })}`)).location).toContain(
        'code=',
      )
    })

    test('a pushed request of it leads to a code as well, in the tenant whose resource was pushed', async () => {
      const other = await createTenant(deployment)
      const { api_key } = other.keys.live
      expect((await live.api('PATCH', '/v1/tenant', api_key, { metadata_document_clients: true })).status).toBe(200)
      const orders = { identifier: 'https://orders.example', name: 'Orders', scopes: ['orders:read'] }
      expect((await live.api('POST', '/v1/resources', deployment.made.live.api_key, orders)).status).toBe(201)
      const resource = orders.identifier
      await agree(browser, app, { resource })
      const { body } = await live.form('/oauth/par', request({ resource }).toString())
      const query = new URLSearchParams({ client_id: app.client_id, request_uri: body.request_uri })
      const page = await browser.open(`/oauth/authorize?${query}`)
      expect(page.location ?? page.text).toContain('code=')
      await live.api('PATCH', '/v1/tenant', api_key, { metadata_document_clients: false })
    })

    test('turned off again, what it was given is refused, until it is on again [attack 41]', async () => {
      const code = await agree(browser, app, { resource: live.issuer, scope: 'api-keys:read' })
      const { body: first } = await redeem(code)
      const there = deployment.nodes[1].at('live')
      const { body: second } = await refresh(first.refresh_token, there)
      expect((await setting(false)).status).toBe(200)
      for (const at of [there, live]) {
        const { status, body } = await refresh(second.refresh_token, at)
        expect([status, body.error]).toEqual([401, 'invalid_client'])
      }
      expect((await setting(true)).status).toBe(200)
      expect((await refresh(second.refresh_token, there)).status).toBe(200)
    })

    test('an admin sees it among the apps and ends it for good, whatever its document says [attack 85]', async () => {
      const { api_key } = deployment.made.live
      const code = await agree(browser, app, { resource: live.issuer, scope: 'api-keys:read' })
      const { body: tokens } = await redeem(code)
      const { data } = (await live.api('GET', '/v1/apps', api_key)).body
      const mine = data.find(({ client_id }: { client_id: string }) => client_id === app.client_id)
      expect(mine).toMatchObject({ name: 'An agent' })
      expect((await live.api('DELETE', `/v1/apps/${mine.id}`, api_key)).status).toBe(204)
      for (const node of deployment.nodes) {
        const caller = node.at('live')
        expect((await caller.introspect(deployment.made.live, tokens.access_token)).body).toEqual({ active: false })
        expect((await refresh(tokens.refresh_token, caller)).body.error).toBe('invalid_client')
      }
      described.client_name = 'Another name'
      const page = await browser.open(`/oauth/authorize?${request()}`)
      expect([page.status, page.location]).toEqual([400, undefined])
    })
  })

  /** As far as the consent page. */
  async function signedIn() {
    const page = await browser.open(`/oauth/authorize?${request({ scope: 'api-keys:read' })}`)
    const { email, password } = await createPerson(deployment)
    return browser.submit(page, /\/password$/, { email, password })
  }
})
