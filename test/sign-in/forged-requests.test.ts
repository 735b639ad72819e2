import { beforeAll, expect, test } from 'vitest'
import { describeDeployment } from '../deployments.ts'
import { createApp, createPerson, type Person, type TestApp } from '../oauth/people.ts'
import { type Caller, startDeployment, type TestDeployment } from '../start.ts'
import { auditedOf, csrfOf, visit } from './at.ts'

describeDeployment('database', 'requests that our pages did not send', (open) => {
  let deployment: TestDeployment
  let live: Caller
  let person: Person
  let app: TestApp

  beforeAll(async () => {
    deployment = await startDeployment(open)
    live = deployment.nodes[0].at('live')
    person = await createPerson(deployment)
    app = await createApp(live, deployment.made.live.api_key)
  })

  const credentials = () => ({ email: person.email, password: person.password })

  test('no token, a made-up one, and one of another request are 403, and nothing happens [attack 83]', async () => {
    const visitor = visit(live, person)
    const elsewhere = csrfOf(await visit(live, person).at(app))
    const { path } = await visitor.at(app)
    for (const csrf of [undefined, 'x', 'x'.repeat(43), elsewhere]) {
      for (const step of ['password', 'passkey', 'second-factor', 'other-account', 'consent', 'cancel']) {
        const form = { ...credentials(), decision: 'allow', ...(csrf !== undefined && { csrf }) }
        const { status, text, setCookies } = await visitor.post(`${path}/${step}`, form)
        expect([step, status, setCookies]).toEqual([step, 403, []])
        expect(text).toContain('Nothing was changed')
      }
    }
    expect(await auditedOf(deployment, person, 'member.signed_in')).toEqual([])
    expect((await visitor.open(path)).status).toBe(200)
  })

  test('a right token that comes from another site is refused as well [attack 83]', async () => {
    const visitor = visit(live, person)
    const page = await visitor.at(app)
    const form = { ...credentials(), csrf: csrfOf(page) }
    const foreign = [
      { origin: 'https://evil.example' },
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site' },
    ]
    for (const headers of foreign) {
      expect((await visitor.post(`${page.path}/password`, form, headers as never)).status).toBe(403)
    }
    const own = { origin: 'null', 'sec-fetch-site': 'same-origin' }
    expect((await visitor.post(`${page.path}/password`, form, own)).status).toBe(303)
  })

  test('the account page: before signing in, and after', async () => {
    const visitor = visit(live, person)
    expect((await visitor.post('/account/sign-in/password', credentials())).status).toBe(403)
    const { csrf: _, ...before } = { csrf: csrfOf(await visitor.open('/account')), ...credentials() }
    expect((await visitor.post('/account/sign-in/password', before)).status).toBe(403)
    const own = csrfOf(await visitor.account())
    const strange = csrfOf(await visit(live, person).account())
    expect(own).not.toBe(strange)
    const actions = ['sign-out', 'sessions/end', 'sessions/end-others', 'consents/withdraw']
    const passkeys = ['passkeys/add', 'passkeys/rename', 'passkeys/remove', 'passkeys/require']
    for (const action of [...actions, ...passkeys]) {
      for (const csrf of ['', strange]) {
        expect([action, (await visitor.post(`/account/${action}`, { csrf })).status]).toEqual([action, 403])
      }
    }
    expect((await visitor.open('/account')).text).toContain('Where you are signed in')
  })

  test('whoever is not signed in changes nothing', async () => {
    const { status, location } = await visit(live, person).post('/account/passkeys/require', { required: 'true' })
    expect([status, location]).toEqual([303, '/account'])
  })

  test('forms that are none are told so', async () => {
    const visitor = visit(live, person)
    const { path } = await visitor.at(app)
    const answers = [
      await visitor.post(`${path}/password`, {}, { 'content-type': 'application/json' }),
      await visitor.post(`${path}/password`, { password: 'x'.repeat(70_000) }),
      await visitor.post(`${path}/nothing`, {}),
      await visitor.open(`${path}/password`),
      await visitor.open('/sign-in/../account/x'),
    ]
    expect(answers.map(({ status }) => status)).toEqual([400, 413, 404, 405, 404])
  })

  test('no page is kept, framed, named to others, or runs what is not ours [attack 83]', async () => {
    const { path } = await visit(live, person).at(app)
    for (const at of ['/account', path]) {
      const { headers } = await live.get(at)
      expect(headers).toMatchObject({
        'cache-control': 'no-store',
        'x-frame-options': 'DENY',
        'referrer-policy': 'no-referrer',
        'content-type': 'text/html; charset=utf-8',
        'content-security-policy': expect.stringContaining("default-src 'none'; style-src 'self'; script-src 'self'"),
      })
    }
  })

  test('what the pages load is cached by its tag', async () => {
    for (const file of ['/sign-in/style.css', '/sign-in/passkey.js']) {
      const { status, headers } = await live.get(file)
      expect([status, headers['cache-control']]).toEqual([200, 'public, max-age=300'])
      expect((await live.get(file, { 'if-none-match': headers.etag as string })).status).toBe(304)
    }
  })
})
