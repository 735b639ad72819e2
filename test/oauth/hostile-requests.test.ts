import { beforeAll, describe, expect, test } from 'vitest'
import { describeDeployment } from '../deployments.ts'
import { type Caller, startDeployment, type TestDeployment } from '../start.ts'
import { createTenant, setTenantStatus } from '../tenants.ts'
import { agree, createApp, createBrowser, createPerson, type TestApp } from './people.ts'

const HOUR = 3600_000

describeDeployment('cluster', 'what nobody honest sends', (open) => {
  let deployment: TestDeployment
  let live: Caller
  let app: TestApp

  beforeAll(async () => {
    deployment = await startDeployment(open)
    live = deployment.nodes[0].at('live')
    app = await createApp(live, deployment.made.live.api_key)
  })

  const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const forged = (claims: object) => `${encode({ alg: 'ES256' })}.${encode(claims)}.AAAA`
  const errorOf = async (request: ReturnType<Caller['form']>) => {
    const { status, body } = await request
    return [status, body.error]
  }

  describe('a client that calls itself', () => {
    const type = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

    test.each([
      ['an object', { toString: 1, valueOf: 1 }],
      ['a list', ['app_aaaaaaaaaaaa']],
      ['a number', 1],
      ['nothing', null],
      ['a URL with NUL', 'https://client.example/\0'],
      ['half a character', 'https://client.example/\ud800'],
    ])('%s, in an assertion: invalid_client at every endpoint', async (_, sub) => {
      const form = { client_assertion_type: type, client_assertion: forged({ iss: sub, sub }), token: 'x' }
      for (const path of ['/oauth/token', '/oauth/par', '/oauth/introspect', '/oauth/revoke']) {
        expect(await errorOf(live.form(path, form))).toEqual([401, 'invalid_client'])
      }
    })

    test('a URL with NUL, by name', async () => {
      const form = { grant_type: 'authorization_code', code: 'x', token: 'x', client_id: 'https://client.example/\0' }
      for (const path of ['/oauth/token', '/oauth/par', '/oauth/revoke']) {
        expect(await errorOf(live.form(path, form))).toEqual([401, 'invalid_client'])
      }
    })

    test('one that must authenticate is answered as one that does not exist', async () => {
      const { client_id } = await createApp(live, deployment.made.live.api_key, { type: 'confidential' })
      const ask = async (name: string) => {
        const { status, headers, body } = await live.form('/oauth/token', {
          grant_type: 'refresh_token',
          client_id: name,
        })
        return [status, headers['www-authenticate'], body]
      }
      const stranger = await ask('app_aaaaaaaaaaaa')
      expect(await ask(client_id)).toEqual(stranger)
      expect(await ask(deployment.made.live.client_id)).toEqual(stranger)
    })
  })

  test.each([
    ['an object', { toString: 1 }],
    ['a list', ['app_aaaaaaaaaaaa']],
    ['a URL with NUL', 'https://client.example/\0'],
  ])('logout with an ID token for %s', async (_, aud) => {
    const query = new URLSearchParams({ id_token_hint: forged({ aud, iss: live.issuer, sub: 'x' }) })
    expect((await live.get(`/oauth/logout?${query}`)).status).toBe(400)
  })

  test('a stranger who keeps asking fills no table with sessions', async () => {
    const { signInSession } = deployment.storage.database
    await signInSession.deleteMany()
    const query = new URLSearchParams({ client_id: app.client_id, response_type: 'code', scope: 'openid' })
    for (const path of [`/oauth/authorize?${query}`, '/oauth/logout', '/account']) await live.get(path)
    const rows = await signInSession.findMany()
    const longest = Math.max(0, ...rows.map(({ expiresAt }) => expiresAt.getTime() - deployment.clock.now()))
    expect(longest).toBeLessThanOrEqual(HOUR + 1000)
  })

  describe('a person', () => {
    const pkce = { code_challenge: 'a'.repeat(43), code_challenge_method: 'S256' }
    const silently = (of: TestApp, asked: Record<string, string> = {}) =>
      `/oauth/authorize?${new URLSearchParams({
        ...{
          client_id: of.client_id,
          response_type: 'code',
          prompt: 'none',
          redirect_uri: of.redirect_uris[0] as string,
        },
        ...{ ...pkce, ...asked },
      })}`

    test("signed in at one tenant is nobody at another tenant's app", async () => {
      const elsewhere = await createTenant(deployment)
      const theirs = await createApp(live, elsewhere.keys.live.api_key)
      const browser = createBrowser(live, await createPerson(deployment))
      await agree(browser, app)
      expect((await browser.open(silently(app))).location).toContain('code=')
      expect((await browser.open(silently(theirs))).location).toContain('error=login_required')
    })

    test('who has none of what they allowed before any more gives nothing', async () => {
      const person = await createPerson(deployment)
      const browser = createBrowser(live, person)
      const asked = { scope: 'api-keys:write' }
      await agree(browser, app, asked)
      expect((await browser.open(silently(app, asked))).location).toContain('code=')
      await deployment.storage.database.member.update({ where: { id: person.id }, data: { role: 'member' } })
      expect((await browser.open(silently(app, asked))).location).toMatch(/error=access_denied/)
    })

    test("of a tenant that is paused: userinfo tells nothing of them, though the app's token is alive", async () => {
      const tenant = await createTenant(deployment)
      const person = await createPerson(deployment, { tenantId: tenant.id })
      const theirs = await createApp(live, tenant.keys.live.api_key)
      const code = await agree(createBrowser(live, person), theirs, { scope: 'openid email' })
      const form = { grant_type: 'authorization_code', client_id: theirs.client_id, ...code }
      const { access_token } = (await live.form('/oauth/token', form)).body
      const userinfo = () => live.get('/oauth/userinfo', { authorization: `Bearer ${access_token}` })
      expect((await userinfo()).body.email).toBe(person.email)
      await setTenantStatus(deployment, tenant.id, 'paused')
      const { status, body } = await userinfo()
      expect([status, body.error]).toEqual([403, 'subscription_inactive'])
    })
  })
})
