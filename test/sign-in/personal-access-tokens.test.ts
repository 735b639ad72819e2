import { beforeAll, beforeEach, expect, test } from 'vitest'
import { MODES } from '../../server/mode/mode.ts'
import { describeDeployments } from '../deployments.ts'
import { createPerson, makePersonalToken, type Page, type Person } from '../oauth/people.ts'
import { type Caller, startDeployment, type TestDeployment } from '../start.ts'
import { createTenant, setTenantStatus } from '../tenants.ts'
import { csrfOf, type Visitor, visit } from './at.ts'
import { text } from './markup.ts'

describeDeployments('personal access tokens on the account page', (open) => {
  let deployment: TestDeployment
  let live: Caller
  let person: Person
  let visitor: Visitor

  beforeAll(async () => {
    deployment = await startDeployment(open)
    live = deployment.nodes[0].at('live')
  })
  beforeEach(async () => {
    person = await createPerson(deployment, { role: 'member' })
    visitor = visit(live, person)
  })

  const make = (page: Page, fields: Record<string, string>, by = visitor) =>
    by.submit(page, /\/tokens\/make$/, { name: 'Backup', days: '30', ...fields })
  const shownIn = ({ text }: Page) => /kp_(?:live|test)_[a-z2-7]{12}_[0-9A-Za-z]{49}/.exec(text)?.[0] ?? ''
  const me = async (token: string, caller = deployment.nodes[1].at('live')) => caller.api('GET', '/v1/me', token)

  test.each(MODES)('made by ticking boxes, shown once and in no URL, revoked, in %s mode [attack 83]', async (mode) => {
    const [here, there] = [deployment.nodes[0].at(mode), deployment.nodes[1].at(mode)]
    const browser = visit(here, person)
    const page = await make(await browser.account(), { 'scope:teams:read': 'yes' }, browser)
    const token = shownIn(page)
    expect(token).toMatch(mode === 'live' ? /^kp_live_/ : /^kp_test_/)
    expect([page.path, page.location, ...page.setCookies].join()).not.toContain(token)
    expect((await me(token, there)).body).toMatchObject({ credential: { id: person.id }, scopes: ['teams:read'] })
    const again = await browser.open('/account')
    expect([text(again.text).includes('Backup'), again.text.includes(token.slice(-49))]).toEqual([true, false])
    expect(text(again.text)).toContain('See teams')
    const after = await browser.submit(again, /\/tokens\/revoke$/)
    expect(text(after.text)).toContain('The token is revoked.')
    expect((await me(token, there)).status).toBe(401)
  })

  test('"whatever I may do" is what the person may do then', async () => {
    const token = shownIn(await make(await visitor.account(), { everything: 'yes', days: 'never' }))
    const member = (await me(token)).body.scopes
    expect(member).not.toContain('service-users:write')
    const key = deployment.made.live.api_key
    await live.api('PATCH', `/v1/members/${person.id}`, key, { role: 'admin' })
    expect((await me(token)).body.scopes).toContain('service-users:write')
  })

  test('a box that is not theirs, made by hand, gives nothing', async () => {
    const page = await visitor.account()
    expect(page.text).not.toContain('scope:service-users:write')
    const refused = await make(page, { 'scope:service-users:write': 'yes' })
    expect([refused.status, shownIn(refused)]).toEqual([400, ''])
    const token = shownIn(await make(page, { 'scope:service-users:write': 'yes', 'scope:teams:read': 'yes' }))
    expect((await me(token)).body.scopes).toEqual(['teams:read'])
  })

  test.each([{ name: ' ' }, { name: 'x'.repeat(101) }, { days: '31' }, { days: '' }, {}])(
    '%j is refused',
    async (wrong) => {
      const refused = await make(await visitor.account(), { ...wrong })
      expect([refused.status, shownIn(refused)]).toEqual([400, ''])
    },
  )

  test.each(['paused', 'cancelled'] as const)(
    'none of a tenant that is %s; those that there are can be revoked',
    async (status) => {
      const own = await createTenant(deployment)
      const browser = visit(live, await createPerson(deployment, { tenantId: own.id }))
      const page = await make(await browser.account(), { everything: 'yes' }, browser)
      expect(shownIn(page)).not.toBe('')
      await setTenantStatus(deployment, own.id, status)
      const refused = await make(page, { everything: 'yes' }, browser)
      expect([refused.status, shownIn(refused)]).toEqual([400, ''])
      const revoked = await browser.submit(await browser.open('/account'), /\/tokens\/revoke$/)
      expect(text(revoked.text)).toContain('The token is revoked.')
    },
  )

  test("a stranger's is neither listed nor revoked", async () => {
    const { id, personal_access_token: token } = await makePersonalToken(deployment, person, { name: 'secret plan' })
    const stranger = visit(live, await createPerson(deployment))
    const page = await stranger.account()
    expect(page.text).not.toContain('secret plan')
    await stranger.post('/account/tokens/revoke', { csrf: csrfOf(page), id })
    expect((await me(token)).status).toBe(200)
  })

  test('a forged form makes nothing', async () => {
    const csrf = csrfOf(await visitor.account())
    const form = { name: 'x', days: '7', everything: 'yes' }
    for (const answer of [
      await visitor.post('/account/tokens/make', form),
      await visitor.post('/account/tokens/make', { ...form, csrf }, { origin: 'https://evil.example' }),
      await visitor.post('/account/tokens/make', { ...form, csrf }, { 'sec-fetch-site': 'cross-site' }),
    ]) {
      expect(answer.status).toBe(403)
    }
    expect(await deployment.storage.database.client.count({ where: { memberId: person.id } })).toBe(0)
  })

  // The last one: oidc-provider notes by its own clock when somebody signed in.
  test('whoever signed in a while ago signs in again first; what they made expires when it was said to', async () => {
    const before = await visitor.account()
    const token = shownIn(await make(before, { 'scope:teams:read': 'yes', days: '7' }))
    deployment.clock.advance(16 * 60_000)
    const later = await make(before, { everything: 'yes' })
    expect([shownIn(later), later.text.includes('name="password"')]).toEqual(['', true])
    expect(await deployment.storage.database.client.count({ where: { memberId: person.id } })).toBe(1)
    deployment.clock.advance(7 * 86_400_000 - 16 * 60_000 - 1000)
    expect((await me(token)).status).toBe(200)
    deployment.clock.advance(1000)
    expect((await me(token)).status).toBe(401)
  })
})
