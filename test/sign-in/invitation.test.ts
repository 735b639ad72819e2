import { beforeAll, beforeEach, expect, test } from 'vitest'
import { createDigests } from '../../server/credentials/digest.ts'
import { INVITATION_LIFETIME, makeLink } from '../../server/people/invitation.ts'
import { inTransaction } from '../../server/storage/database.ts'
import { scopeDatabase } from '../../server/tenancy/scoped-database.ts'
import { describeDeployments } from '../deployments.ts'
import { createPerson, makePersonalToken, type Page } from '../oauth/people.ts'
import { type Caller, startDeployment, type TestDeployment } from '../start.ts'
import { createTenant, type TestTenant } from '../tenants.ts'
import { csrfOf, type Visitor, visit } from './at.ts'
import { text } from './markup.ts'

const PASSWORD = 'correct horse battery'
const HERE = 'Where you are signed in'
const ADDRESS = 'ada@example.com'

describeDeployments('the page of an invitation', (open) => {
  let deployment: TestDeployment
  let live: Caller
  let there: Caller
  let tenant: TestTenant
  let key: string
  const logged: string[] = []

  beforeAll(async () => {
    const log = { level: 'debug', isLevelEnabled: () => true } as Record<string, unknown>
    for (const level of ['debug', 'info', 'warn', 'error', 'fatal', 'trace']) {
      log[level] = (...said: unknown[]) => void logged.push(JSON.stringify(said))
    }
    deployment = await startDeployment(open, { log: { ...log, child: () => log } as never })
    live = deployment.nodes[0].at('live')
    there = deployment.nodes[1].at('live')
  })
  beforeEach(async () => {
    tenant = await createTenant(deployment)
    key = tenant.keys.live.api_key
  })

  const invite = async (body: object = {}): Promise<string> => {
    const invitation = { email: ADDRESS, role: 'admin', ...body }
    const { link } = (await live.api('POST', '/v1/members/invitations', key, invitation)).body
    return link.slice(live.issuer.length)
  }
  const tokenIn = (link: string) => link.slice(-49)
  const visitor = (caller = live): Visitor => visit(caller, { email: ADDRESS, password: PASSWORD })
  const send = (browser: Visitor, page: Page, password = PASSWORD, repeated = password) =>
    browser.submit(page, /\/invitation$/, { password, repeated })
  const membersOf = () => deployment.storage.database.member.findMany({ where: { tenantId: tenant.id } })
  const signsIn = async (email = ADDRESS, password = PASSWORD) =>
    (await visit(live, { email, password }).account()).text.includes(HERE)

  test('names tenant, role and address; the password makes a member, who signs in', async () => {
    const link = await invite()
    const browser = visitor()
    const page = await browser.open(link)
    for (const said of [`The tenant ${tenant.id}`, 'admin']) expect(text(page.text)).toContain(said)
    expect(page.text).toContain(`value="${ADDRESS}"`)
    const answer = await live.get(link)
    expect(answer.headers['referrer-policy']).toBe('no-referrer')
    expect(answer.headers['cache-control']).toBe('no-store')
    const after = await send(browser, page)
    expect([after.path, after.text.includes('name="password"')]).toEqual(['/account/sign-in', true])
    expect(await membersOf()).toEqual([expect.objectContaining({ email: ADDRESS, role: 'admin' })])
    expect(await signsIn()).toBe(true)
    const [member] = await membersOf()
    const { database } = deployment.storage
    for (const mode of ['live', 'test']) {
      const where = { tenantId: tenant.id, mode, action: 'member.joined' }
      expect(await database.auditEntry.findMany({ where })).toEqual([
        expect.objectContaining({ actorId: member?.id, actorName: ADDRESS, targetId: member?.id }),
      ])
    }
    const entries = JSON.stringify(await database.auditEntry.findMany({ where: { tenantId: tenant.id } }))
    for (const told of [entries, logged.join()]) expect(told).not.toContain(tokenIn(link))
    expect(logged.join()).toContain('/sign-in/invitation')
    expect(entries + logged.join()).not.toContain(PASSWORD)
  })

  test('used, it is over: one plain page', async () => {
    const link = await invite()
    const [one, other] = [visitor(), visitor()]
    const [first, second] = [await one.open(link), await other.open(link)]
    await send(one, first)
    const late = await send(other, second, 'another password')
    expect([late.status, text(late.text).includes('This link is over')]).toEqual([404, true])
    const gone = await visitor().open(link)
    expect([gone.status, text(gone.text).includes('This link is over')]).toEqual([404, true])
    expect(await signsIn(ADDRESS, 'another password')).toBe(false)
    expect(await membersOf()).toHaveLength(1)
  })

  test('of many who use it at once, on both nodes, one wins', async () => {
    const link = await invite()
    const browsers = [visitor(), visitor(there), visitor(), visitor(there)]
    const pages = await Promise.all(browsers.map((browser) => browser.open(link)))
    const answers = await Promise.all(
      browsers.map((browser, at) => send(browser, pages[at] as Page, `${PASSWORD} ${at}`)),
    )
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 404, 404, 404])
    expect(await membersOf()).toHaveLength(1)
    const winner = answers.findIndex(({ status }) => status === 200)
    expect(await signsIn(ADDRESS, `${PASSWORD} ${winner}`)).toBe(true)
  })

  test.each([
    ['elevenchars', 'elevenchars', 'at least 12'],
    ['x'.repeat(129), 'x'.repeat(129), 'at most 128'],
    ['🔑'.repeat(11), '🔑'.repeat(11), 'at least 12'],
    [PASSWORD, `${PASSWORD}.`, 'not the same'],
    ['', '', 'at least 12'],
  ])('the password %j, repeated as %j, is refused, and the link is still good', async (password, repeated, why) => {
    const browser = visitor()
    const page = await browser.open(await invite())
    const refused = await send(browser, page, password, repeated)
    expect([refused.status, text(refused.text).includes(why)]).toEqual([400, true])
    if (password) expect(refused.text).not.toContain(`value="${password}"`)
    expect((await send(browser, refused)).status).toBe(200)
  })

  test('a form that is not from its page is refused', async () => {
    const link = await invite()
    const browser = visitor()
    const csrf = csrfOf(await browser.open(link))
    const form = { token: tokenIn(link), password: PASSWORD, repeated: PASSWORD }
    const path = '/sign-in/invitation'
    const stranger = visitor()
    for (const answer of [
      await stranger.post(path, { ...form, csrf }),
      await browser.post(path, form),
      await browser.post(path, { ...form, csrf: `${csrf}x` }),
      await browser.post(path, { ...form, csrf }, { origin: 'https://evil.example' }),
      await browser.post(path, { ...form, csrf }, { 'sec-fetch-site': 'cross-site' }),
    ]) {
      expect(answer.status).toBe(403)
    }
    expect(await membersOf()).toEqual([])
    expect((await browser.post(path, { ...form, csrf })).status).toBe(303)
  })

  test('what is no link of anybody opens nothing, and neither does test mode', async () => {
    const link = await invite()
    const wrong = [
      '',
      '?token=',
      '?token=x',
      `?token=${tokenIn(link)}x`,
      `?token=${'A'.repeat(49)}`,
      '?token=%00',
      '?token=a&token=b',
    ]
    for (const query of wrong) expect((await live.get(`/sign-in/invitation${query}`)).status).toBe(404)
    expect((await deployment.nodes[0].at('test').get(link)).status).toBe(404)
    const browser = visitor()
    const csrf = csrfOf(await browser.open(link))
    for (const token of ['', 'x', 'A'.repeat(49), 'x'.repeat(9000)]) {
      const form = { csrf, token, password: PASSWORD, repeated: PASSWORD }
      expect((await browser.post('/sign-in/invitation', form)).status).toBe(404)
    }
  })

  test('it makes a member of its own tenant alone', async () => {
    const other = await createTenant(deployment)
    const theirs = { email: ADDRESS, role: 'owner' }
    await live.api('POST', '/v1/members/invitations', other.keys.live.api_key, theirs)
    const browser = visitor()
    await send(browser, await browser.open(await invite({ role: 'member' })))
    expect(await membersOf()).toEqual([expect.objectContaining({ role: 'member' })])
    expect(await deployment.storage.database.member.count({ where: { tenantId: other.id } })).toBe(0)
    expect(await deployment.storage.database.invitation.count({ where: { tenantId: other.id } })).toBe(1)
  })

  test('an operator spells the address in capitals: a second link replaces the first all the same', async () => {
    const { storage, clock, masterKeys } = deployment
    const now = new Date(clock.now())
    const link = { email: 'Ada@Example.COM', role: 'owner' as const, createdBy: 'operator' }
    await inTransaction(scopeDatabase(storage.database, { tenantId: tenant.id }), (transaction) =>
      makeLink(
        transaction,
        tenant.id,
        createDigests(masterKeys),
        { ...link, expiresAt: new Date(now.getTime() + INVITATION_LIFETIME) },
        now,
      ),
    )
    await invite({ role: 'member' })
    const left = await storage.database.invitation.findMany({ where: { tenantId: tenant.id } })
    expect(left).toEqual([expect.objectContaining({ email: ADDRESS, role: 'member' })])
  })

  test('a link for a new password: the old one and every session end, tokens stay', async () => {
    const person = await createPerson(deployment, { tenantId: tenant.id, role: 'member' })
    const pat = (await makePersonalToken(deployment, person)).personal_access_token
    const old = visit(there, person)
    expect((await old.account()).text).toContain(HERE)
    const sandbox = visit(deployment.nodes[0].at('test'), person)
    expect((await sandbox.account()).text).toContain(HERE)
    const { link } = (await live.api('POST', `/v1/members/${person.id}/password-link`, key)).body
    const browser = visitor()
    const page = await browser.open(link.slice(live.issuer.length))
    expect(text(page.text)).toContain('Set a new password')
    expect((await send(browser, page)).status).toBe(200)
    for (const before of [old, sandbox]) expect((await before.open('/account')).text).toContain('name="password"')
    expect([await signsIn(person.email, person.password), await signsIn(person.email)]).toEqual([false, true])
    expect((await there.api('GET', '/v1/me', pat)).status).toBe(200)
    expect((await visitor().open(link.slice(live.issuer.length))).status).toBe(404)
    expect(await membersOf()).toEqual([expect.objectContaining({ id: person.id, role: 'member' })])
  })
})
