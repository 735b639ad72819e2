import { beforeAll, expect, test } from 'vitest'
import { describeDeployments } from '../deployments.ts'
import { createApp, createPerson, type Person, type TestApp } from '../oauth/people.ts'
import { type Caller, startDeployment, type TestDeployment } from '../start.ts'
import { createTenant } from '../tenants.ts'
import { auditedOf, codeIn, errorIn, visit } from './at.ts'
import { text } from './markup.ts'

const sessionIn = (cookies: Map<string, string>) => cookies.get('kc_session_live')

describeDeployments('signing in', (open) => {
  let deployment: TestDeployment
  let live: Caller
  let person: Person
  let app: TestApp

  beforeAll(async () => {
    deployment = await startDeployment(open)
    live = deployment.nodes[0].at('live')
    person = await createPerson(deployment)
    app = await createApp(live, deployment.made.live.api_key, { name: 'Parcel Desk' })
  })

  test('password, consent, and back to the app with a code; the next time nobody is asked', async () => {
    const visitor = visit(live, person)
    const page = await visitor.at(app, { state: 's-1' })
    expect(page.status).toBe(200)
    expect(page.text).toContain('Parcel Desk')
    const consent = await visitor.password(page)
    expect(consent.text).toContain(person.email)
    const back = await visitor.submit(consent, /\/consent$/, { decision: 'allow' })
    expect(back.status).toBe(303)
    const query = new URL(back.location ?? '').searchParams
    expect([query.get('state'), query.get('iss')]).toEqual(['s-1', live.issuer])
    expect(codeIn(back)).toMatch(/^[\w-]{43}$/)
    expect(codeIn(await visitor.at(app))).toMatch(/^[\w-]{43}$/)
    expect(await auditedOf(deployment, person, 'member.signed_in')).toMatchObject([
      { actorType: 'member', details: { amr: ['pwd'], app: app.client_id }, ip: '127.0.0.1' },
    ])
  })

  test('OpenID Connect Core §3.1.2.1: prompt=login asks again, with the address filled in', async () => {
    const visitor = visit(live, person)
    await visitor.password(await visitor.at(app))
    const before = sessionIn(visitor.cookies)
    const page = await visitor.at(app, { prompt: 'login' })
    expect(page.text).toContain(`value="${person.email}"`)
    expect(codeIn(await visitor.password(page))).toBeTruthy()
    expect(sessionIn(visitor.cookies)).not.toBe(before)
  })

  test('each step may be on another node', async () => {
    const other = deployment.nodes[1].at('live')
    const here = visit(live, person)
    const page = await here.at(app)
    const there = visit(other, person)
    for (const [name, value] of here.cookies) there.cookies.set(name, value)
    expect((await there.password(page)).status).toBeLessThan(400)
    expect(await there.open('/account')).toMatchObject({ status: 200, text: expect.stringContaining(person.email) })
  })

  test('signing in makes a new session: one that was planted before stays empty [attack 83]', async () => {
    const visitor = visit(live, person)
    await visitor.at(app)
    const planted = new Map(visitor.cookies)
    await visitor.password(await visitor.at(app))
    expect(sessionIn(visitor.cookies)).toBeDefined()
    expect(sessionIn(visitor.cookies)).not.toBe(sessionIn(planted))
    const thief = visit(live, person)
    for (const [name, value] of planted) thief.cookies.set(name, value)
    expect((await thief.open('/account')).text).toContain('name="password"')

    const again = sessionIn(visitor.cookies)
    await visitor.password(await visitor.open('/account?sign-in=again'))
    expect(sessionIn(visitor.cookies)).not.toBe(again)
    const old = visit(live, person)
    for (const [name, value] of visitor.cookies)
      old.cookies.set(name, value === sessionIn(visitor.cookies) ? (again ?? '') : value)
    expect((await old.open('/account')).text).toContain('name="password"')
  })

  test('an unknown address and a wrong password are told apart by nothing', async () => {
    const visitor = visit(live, person)
    const shown = async (email: string, password: string) => {
      const { status, text: page } = await visitor.password(await visitor.at(app), password, email)
      return [status, text(page).replaceAll(email, '…'), /role="alert"[^>]*>([^<]*)/.exec(page)?.[1]]
    }
    const wrong = await shown(person.email, 'wrong')
    expect(wrong).toEqual([400, expect.any(String), 'Wrong email or password.'])
    expect(await shown('nobody@example.com', 'wrong')).toEqual(wrong)
    expect((await shown(person.email, ''))[2]).toBe(wrong[2])
  })

  test('the address is taken as people type it, and never as a pattern', async () => {
    const visitor = visit(live, person)
    const typed = ` ${person.email.toUpperCase()} `
    expect((await visitor.password(await visitor.at(app), person.password, typed)).status).toBeLessThan(400)
    for (const email of ['%', 'a\\', `${person.email.slice(0, -1)}_`, 'a\u0000b', 'x'.repeat(5000)]) {
      const stranger = visit(live, person)
      const refused = await stranger.password(await stranger.at(app), person.password, email)
      expect([email.slice(0, 9), refused.status]).toEqual([email.slice(0, 9), 400])
    }
  })

  test("another browser can't go on with a request, and a made-up one is nobody's", async () => {
    const visitor = visit(live, person)
    const page = await visitor.at(app)
    const stranger = visit(live, person)
    for (const path of [page.path, '/oauth/interaction/made-up']) {
      expect(await stranger.open(path)).toMatchObject({
        status: 404,
        text: expect.stringContaining('This request is over'),
      })
      const posted = await stranger.post(`${path}/password`, { email: person.email, password: person.password })
      expect(posted.status).toBe(404)
    }
    await stranger.at(app)
    expect((await stranger.open(page.path)).status).toBe(404)
    expect((await visitor.open(page.path)).status).toBe(200)
  })

  test('a request that was answered is over', async () => {
    const visitor = visit(live, person)
    const page = await visitor.at(app)
    const back = await visitor.submit(page, /\/cancel$/)
    expect(errorIn(back)).toBe('access_denied')
    expect((await visitor.open(page.path)).status).toBe(404)
  })

  test("people of another tenant don't exist here", async () => {
    const elsewhere = await createTenant(deployment)
    const stranger = await createPerson(deployment, { tenantId: elsewhere.id })
    const visitor = visit(live, stranger)
    expect((await visitor.password(await visitor.at(app))).status).toBe(400)
    // Signed in at their own account, they are asked to sign in as somebody whom the app can know.
    expect((await visitor.account()).text).toContain(stranger.email)
    const page = await visitor.at(app)
    expect(page.text).toContain('name="password"')
    expect(page.text).not.toContain(stranger.email)
    expect((await visitor.password(page, person.password, person.email)).status).toBeLessThan(400)
    expect((await visitor.open('/account')).text).toContain(person.email)
  })

  test('somebody else may sign in instead, without a script', async () => {
    const visitor = visit(live, person)
    const second = await createPerson(deployment)
    const consent = await visitor.password(await visitor.at(app, { prompt: 'consent' }))
    const choice = await visitor.submit(consent, /\/other-account$/)
    expect(choice.text).toContain('name="password"')
    const theirs = await visitor.password(choice, second.password, second.email)
    expect(theirs.text).toContain(second.email)
    expect(codeIn(await visitor.submit(theirs, /\/consent$/, { decision: 'allow' }))).toBeTruthy()
    expect((await visitor.open('/account')).text).toContain(second.email)
  })

  test('the hint of the app is what the form starts with', async () => {
    const page = await visit(live, person).at(app, { login_hint: '"><script>alert(1)</script>' })
    expect(page.text).toContain('value="&quot;&gt;&lt;script&gt;')
    expect(page.text).not.toContain('<script>alert')
  })
})
