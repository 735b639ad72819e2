import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { describeDeployment } from '../deployments.ts'
import { agree, type Browser, createBrowser, createPerson, REDIRECT_URI, type TestApp } from '../oauth/people.ts'
import { requestOf } from '../sign-in/at.ts'
import { type Caller, startDeployment, type TestDeployment } from '../start.ts'

/** A client that nobody registered gets in by the document that its client_id is the address of, and in no other way. */
describeDeployment('cluster', 'clients that come by themselves', (open) => {
  let deployment: TestDeployment
  let live: Caller
  let browser: Browser
  let host: string
  const fetched: string[] = []

  const web = createServer((request, response) => {
    const url = request.url as string
    fetched.push(url)
    const document = { client_id: `http://${host}${url}`, redirect_uris: [REDIRECT_URI] }
    const send = (more: object = {}) => response.end(JSON.stringify({ ...document, ...more }))
    response.setHeader('content-type', 'application/json')
    if (url === '/redirected') return void response.writeHead(302, { location: '/good' }).end()
    if (url === '/moved-inside')
      return void response.writeHead(307, { location: 'http://169.254.169.254/latest' }).end()
    if (url === '/huge') return send({ client_name: 'x'.repeat(10 << 20) })
    if (url === '/secret') return send({ client_secret: 'hunter2' })
    if (url === '/private-key') return send({ jwks: { keys: [{ kty: 'EC', crv: 'P-256', x: 'a', y: 'b', d: 'c' }] } })
    if (url === '/elsewhere') return send({ client_id: `http://${host}/good` })
    send()
  })

  beforeAll(async () => {
    await new Promise<void>((resolve) => web.listen(0, '127.0.0.1', resolve))
    host = `localhost:${(web.address() as AddressInfo).port}`
    deployment = await startDeployment(open, { outboundAllow: [host] })
    live = deployment.nodes[0].at('live')
    browser = createBrowser(live, await createPerson(deployment))
    const on = { metadata_document_clients: true }
    expect((await live.api('PATCH', '/v1/tenant', deployment.made.live.api_key, on)).status).toBe(200)
  })
  afterAll(() => void web.close().closeAllConnections())

  const appAt = (client_id: string): TestApp => ({ id: '', client_id, redirect_uris: [REDIRECT_URI] })
  const asked = (client_id: string) => browser.open(requestOf(appAt(client_id), { resource: live.issuer }))
  const clients = () => deployment.storage.database.client.count()

  test('a good one is asked to sign in, so that the refusals below say something', async () => {
    expect((await asked(`http://${host}/good`)).text).toContain('name="password"')
    expect(fetched).toEqual(['/good'])
  })

  test.each(['redirected', 'moved-inside', 'huge', 'secret', 'private-key', 'elsewhere'])(
    'a document that is %s: refused without redirect, and nothing is written [attack 85]',
    async (name) => {
      const before = await clients()
      fetched.length = 0
      const page = await asked(`http://${host}/${name}`)
      expect([page.status, page.location]).toEqual([400, undefined])
      expect(page.text).not.toContain('hunter2')
      expect(fetched).toEqual([`/${name}`])
      const pushed = new URLSearchParams(
        requestOf(appAt(`http://${host}/${name}`), { resource: live.issuer }).split('?')[1],
      )
      const { status, body } = await live.form('/oauth/par', pushed.toString())
      expect([status >= 400, status < 500 || status === 503, body.request_uri]).toEqual([true, true, undefined])
      expect(await clients()).toBe(before)
    },
  )

  test.each([
    'http://169.254.169.254/latest/meta-data/',
    'https://169.254.169.254/client',
    'https://127.0.0.1/client',
    'https://localhost/client',
    'https://[::1]/client',
    'https://[::ffff:127.0.0.1]/client',
    'https://10.0.0.1/client',
    'https://0x7f.1/client',
    'https://metadata.google.internal/client',
    'file:///etc/passwd',
    'gopher://127.0.0.1:6379/_FLUSHALL',
  ])('%s is inside, or no address of a client: refused [attack 85]', async (client_id) => {
    fetched.length = 0
    const page = await asked(client_id)
    expect([page.status, page.location, fetched]).toEqual([400, undefined, []])
    expect(page.text).not.toMatch(/ECONN|EHOST|ENOTFOUND|timeout/i)
  })

  describe('registration (RFC 7591) is not offered', () => {
    test('no document names it, and nothing answers where others have it [attack 85]', async () => {
      const before = await clients()
      for (const path of ['/.well-known/oauth-authorization-server', '/.well-known/openid-configuration']) {
        expect((await live.get(path)).body).not.toHaveProperty('registration_endpoint')
      }
      const client = { redirect_uris: [REDIRECT_URI], client_name: 'x', token_endpoint_auth_method: 'none' }
      const paths = ['/oauth/register', '/oauth/reg', '/oauth/registration', '/register', '/reg', '/connect/register']
      for (const path of [...paths, '/oauth/clients', '/oidc/register', '/oauth/authorize/register']) {
        for (const credential of [undefined, deployment.made.live.api_key]) {
          expect([path, (await live.api('POST', path, credential, client)).status]).toEqual([path, 404])
        }
      }
      expect(await clients()).toBe(before)
    })

    test('so no old registration token brings a disabled client back (CVE-2026-9705) [attack 85]', async () => {
      const client_id = `http://${host}/good`
      const { api_key } = deployment.made.live
      const code = await agree(browser, appAt(client_id), { resource: live.issuer, scope: 'api-keys:read' })
      const form = { grant_type: 'authorization_code', client_id, ...code }
      const { body: tokens } = await live.form('/oauth/token', form)
      const { data } = (await live.api('GET', '/v1/apps', api_key)).body
      const { id } = data.find((app: { client_id: string }) => app.client_id === client_id)
      expect((await live.api('DELETE', `/v1/apps/${id}`, api_key)).status).toBe(204)
      for (const path of [`/oauth/register/${encodeURIComponent(client_id)}`, `/oauth/reg/${id}`, `/reg/${id}`]) {
        for (const credential of [tokens.access_token, tokens.refresh_token, api_key]) {
          for (const method of ['GET', 'PATCH', 'DELETE'] as const) {
            const body = method === 'GET' ? undefined : { status: 'active' }
            expect((await live.api(method, path, credential, body)).status).toBe(404)
          }
        }
      }
      deployment.clock.advance(3_600_000) // its document is read anew, and says the same
      for (const { at } of deployment.nodes) {
        const refresh = { grant_type: 'refresh_token', client_id, refresh_token: tokens.refresh_token }
        expect((await at('live').form('/oauth/token', refresh)).body.error).toBe('invalid_client')
      }
      const page = await asked(client_id)
      expect([page.status, page.location]).toEqual([400, undefined])
      const update = await live.api('PATCH', `/v1/apps/${id}`, api_key, { name: 'back' })
      expect(update.status).toBeGreaterThanOrEqual(400)
    })
  })
})
