import { beforeAll, beforeEach, expect, test } from 'vitest'
import { describeDeployments } from '../deployments.ts'
import { createPerson, type Person } from '../oauth/people.ts'
import { type Caller, startDeployment, type TestDeployment } from '../start.ts'
import { auditedOf, csrfOf, visit } from './at.ts'
import { text } from './markup.ts'

const HERE = 'Where you are signed in'

describeDeployments('the account page', (open) => {
  let deployment: TestDeployment
  let live: Caller
  let person: Person

  beforeAll(async () => {
    deployment = await startDeployment(open)
    live = deployment.nodes[0].at('live')
  })
  beforeEach(async () => {
    person = await createPerson(deployment)
  })

  const sessions = (page: string) => page.match(/last seen/g)?.length ?? 0

  test('says who and where, and which browser is this one', async () => {
    const visitor = visit(live, person)
    const page = await visitor.account()
    expect(text(page.text)).toContain(`${person.email}, owner at default`)
    expect(text(page.text)).toContain('127.0.0.1')
    await visit(live, person).account()
    const both = await visitor.open('/account')
    expect([sessions(both.text), both.text.match(/class="badge"/g)?.length]).toEqual([2, 1])
  })

  test('one browser can be signed out from another, or all others at once, on every node', async () => {
    const [here, there, third] = [
      visit(live, person),
      visit(deployment.nodes[1].at('live'), person),
      visit(live, person),
    ]
    for (const visitor of [here, there, third]) await visitor.account()
    const after = await here.submit(await here.open('/account'), /\/sessions\/end$/)
    expect([after.text.includes('That browser is signed out.'), sessions(after.text)]).toEqual([true, 2])
    const ended = await here.submit(after, /\/end-others$/)
    expect(sessions(ended.text)).toBe(1)
    for (const visitor of [there, third]) expect((await visitor.open('/account')).text).toContain('name="password"')
    expect((await here.open('/account')).text).toContain(HERE)
    expect(await auditedOf(deployment, person, 'session.ended')).toHaveLength(2)
  })

  test('signing out ends the session itself, not only its cookie', async () => {
    const visitor = visit(live, person)
    await visitor.account()
    const before = new Map(visitor.cookies)
    const page = await visitor.submit(await visitor.open('/account'), /\/sign-out$/)
    expect(text(page.text)).toContain('You are signed out')
    expect(visitor.cookies.has('kc_session_live')).toBe(false)
    for (const [name, value] of before) visitor.cookies.set(name, value)
    expect((await visitor.open('/account')).text).toContain('name="password"')
  })

  test("nobody ends a stranger's session", async () => {
    const visitor = visit(live, person)
    await visitor.account()
    const { id } = await deployment.storage.database.signInSession.findFirstOrThrow({ where: { memberId: person.id } })
    const stranger = visit(live, await createPerson(deployment))
    const csrf = csrfOf(await stranger.account())
    expect((await stranger.post('/account/sessions/end', { csrf, id })).status).toBe(303)
    expect((await visitor.open('/account')).text).toContain(HERE)
  })

  test('what is no id of anything changes nothing', async () => {
    const visitor = visit(live, person)
    const csrf = csrfOf(await visitor.account())
    const answers = []
    for (const action of ['sessions/end', 'consents/withdraw', 'passkeys/remove', 'passkeys/rename']) {
      for (const id of ['', 'x', 'x'.repeat(9000), 'a\u0000b', "' OR 1=1"]) {
        answers.push((await visitor.post(`/account/${action}`, { csrf, id, name: 'x' })).status)
      }
    }
    expect(new Set(answers)).toEqual(new Set([303, 400]))
    expect((await visitor.open('/account')).text).toContain(HERE)
  })

  test('says what was done in its own words only', async () => {
    const visitor = visit(live, person)
    await visitor.account()
    expect((await visitor.open('/account?done=withdrawn')).text).toContain('The app’s access ended.')
    for (const done of ['<script>', 'constructor', '__proto__']) {
      const { status, text: page } = await visitor.open(`/account?done=${encodeURIComponent(done)}&done=x`)
      expect([status, page.includes('role="status"')]).toEqual([200, false])
    }
  })

  test('a session is written at most once a minute, and of another address at once', async () => {
    const visitor = visit(live, person)
    await visitor.account()
    const row = () => deployment.storage.database.signInSession.findFirstOrThrow({ where: { memberId: person.id } })
    const first = (await row()).lastSeenAt
    deployment.clock.advance(59_000)
    await visitor.open('/account')
    expect((await row()).lastSeenAt).toEqual(first)
    deployment.clock.advance(1_000)
    await visitor.open('/account')
    expect((await row()).lastSeenAt.getTime()).toBe(deployment.clock.now())
  })

  test('test mode is a world of its own, and says so', async () => {
    const sandbox = visit(deployment.nodes[0].at('test'), person)
    await visit(live, person).account()
    const page = await sandbox.account()
    expect([text(page.text).includes('Test mode'), sessions(page.text)]).toEqual([true, 1])
  })
})
