import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { callerAt } from '../command/caller.ts'
import { describeDeployment } from '../deployments.ts'
import { LIVE, startPublicNode } from '../http/nodes.ts'
import { createApp, createPerson, type Person, type TestApp } from '../oauth/people.ts'
import { csrfOf, requestOf, visit } from '../sign-in/at.ts'
import { elements, forms } from '../sign-in/markup.ts'
import { type Caller, startDeployment, type TestDeployment } from '../start.ts'

/** There is no dashboard. What people see is where they sign in, agree, and make tokens of their own. */
describeDeployment('database', "people's pages", (open) => {
  let deployment: TestDeployment
  let live: Caller
  let person: Person
  let app: TestApp

  beforeAll(async () => {
    deployment = await startDeployment(open)
    live = deployment.nodes[0].at('live')
    app = await createApp(live, deployment.made.live.api_key)
  })
  beforeEach(async () => {
    person = await createPerson(deployment)
  })

  const invitation = async () => {
    const body = { email: `${crypto.randomUUID()}@example.com`, role: 'member' }
    const made = await live.api('POST', '/v1/members/invitations', deployment.made.live.api_key, body)
    return (made.body.link as string).slice(live.issuer.length)
  }
  const SHOWN = /kp_live_[a-z2-7]{12}_[0-9A-Za-z]{49}/

  test('none is framed, kept, sniffed, or tells where one came from [attack 83]', async () => {
    const visitor = visit(live, person)
    const page = await visitor.at(app)
    const consent = await visitor.password(page)
    const cookie = [...visitor.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const asked: [string, string][] = [
      ...[page.path, '/account', await invitation(), '/sign-in/nothing', '/account/nothing'].map(
        (path): [string, string] => [path, ''],
      ),
      ...[consent.path, '/account', requestOf(app, { redirect_uri: 'https://evil.example/' })].map(
        (path): [string, string] => [path, cookie],
      ),
    ]
    for (const [path, cookies] of asked) {
      const { headers, status } = await live.get(path, cookies ? { cookie: cookies } : {})
      expect([path, status < 500]).toEqual([path, true])
      expect({ path, ...headers }).toMatchObject({
        'x-frame-options': 'DENY',
        'referrer-policy': 'no-referrer',
        'x-content-type-options': 'nosniff',
        'cache-control': expect.stringContaining('no-store'),
        'content-security-policy': expect.stringMatching(/default-src 'none'.*frame-ancestors 'none'/),
      })
      expect(headers).not.toHaveProperty('access-control-allow-origin')
    }
  })

  test('a token is shown once, on the page itself: in no address, link, form, cookie or later page [attack 83]', async () => {
    const visitor = visit(live, person)
    const account = await visitor.account()
    const fields = { name: 'Backup', days: '30', everything: 'yes' }
    const made = await visitor.submit(account, /\/tokens\/make$/, fields)
    const token = SHOWN.exec(made.text)?.[0] ?? ''
    expect((await live.api('GET', '/v1/me', token)).status).toBe(200)
    const secret = token.slice(-49)
    // An answer to the form, and no redirect: nothing has to carry it there.
    expect([made.status, made.location]).toEqual([200, undefined])
    expect(made.text.split(secret)).toHaveLength(2)
    expect([made.path, ...made.setCookies, ...visitor.cookies.values()].join()).not.toContain(secret)
    for (const { href = '' } of elements(made.text, 'a')) expect(href).not.toContain(secret)
    for (const form of forms(made.text)) expect(form).not.toContain(secret)
    for (const { src = '' } of elements(made.text, 'script')) expect(src).not.toContain(secret)

    const id = (await live.api('GET', '/v1/me', token)).body.credential.id
    const admin = deployment.made.live.api_key
    const later = [
      (await visitor.open('/account')).text,
      (await visitor.open('/account/tokens/make')).text,
      ...(await Promise.all(
        ['/v1/personal-access-tokens?limit=100', `/v1/audit-logs?actor=${person.id}`, `/v1/members/${id}`].map(
          async (path) => (await live.api('GET', path, admin)).text,
        ),
      )),
    ]
    for (const text of later) expect(text).not.toContain(secret)
    // The form sent again, as by a reload, makes another: the first is never shown twice.
    const again = await visitor.submit(account, /\/tokens\/make$/, fields)
    expect(again.text).not.toContain(secret)
  })

  describe('a session', () => {
    test('in the address, or in a cookie of another name, is none [attack 83]', async () => {
      const visitor = visit(live, person)
      await visitor.account()
      const [[name, value] = ['', '']] = [...visitor.cookies].filter(([, each]) => each.length > 20)
      const signedOut = async (path: string, headers: Record<string, string> = {}) =>
        (await live.get(path, headers)).text.includes('name="password"')
      const query = new URLSearchParams({ [name]: value, session: value, sid: value })
      expect(await signedOut(`/account?${query}`)).toBe(true)
      expect(await signedOut('/account', { 'x-session': value, authorization: `Bearer ${value}` })).toBe(true)
      for (const each of ['session', 'sid', `${name}x`, name.toUpperCase()]) {
        expect(await signedOut('/account', { cookie: `${each}=${value}` })).toBe(true)
      }
    })

    test('nobody is signed in as somebody by a form of another site [attack 83]', async () => {
      const mallory = await createPerson(deployment)
      const victim = visit(live, person)
      const page = await victim.open('/account')
      const hers = csrfOf(await visit(live, mallory).open('/account'))
      const login = { email: mallory.email, password: mallory.password }
      for (const [form, headers] of [
        [{ ...login, csrf: hers }, {}],
        [{ ...login, csrf: csrfOf(page) }, { origin: 'https://evil.example' }],
        [{ ...login, csrf: csrfOf(page) }, { 'sec-fetch-site': 'cross-site' }],
      ] as const) {
        expect((await victim.post('/account/sign-in/password', form, headers as never)).status).toBe(403)
      }
      expect((await victim.open('/account')).text).toContain('name="password"')
    })

    test('over https its cookies go nowhere else, and no script reads them [attack 83]', async () => {
      const { port } = await startPublicNode(deployment)
      const node = callerAt(port, LIVE)
      const cookies = [
        ...((await node.send('GET', '/account')).headers['set-cookie'] ?? []),
        ...((await node.send('GET', requestOf(app))).headers['set-cookie'] ?? []),
      ]
      expect(cookies.length).toBeGreaterThan(0)
      for (const cookie of cookies) {
        expect(cookie).toMatch(/^__Host-|^__Secure-/)
        expect(cookie).toMatch(/; *httponly/i)
        expect(cookie).toMatch(/; *secure/i)
        expect(cookie).toMatch(/; *samesite=(lax|strict)/i)
        expect(cookie).not.toMatch(/; *domain=/i)
      }
    })
  })
})
