import { beforeAll, beforeEach, expect, test } from 'vitest'
import { keptFor } from '../../server/sign-in/interaction/consent.ts'
import { describeDeployment, describeDeployments } from '../deployments.ts'
import { agree, createApp, createPerson, type Person, type TestApp } from '../oauth/people.ts'
import { type Caller, startDeployment, type TestDeployment } from '../start.ts'
import { auditedOf, codeIn, csrfOf, errorIn, visit } from './at.ts'
import { text } from './markup.ts'

const DAY = 86_400
const NASTY = '<img src=x onerror=alert(1)>"\'&'

describeDeployments('consent', (open) => {
  let deployment: TestDeployment
  let live: Caller
  let person: Person
  let app: TestApp

  beforeAll(async () => {
    deployment = await startDeployment(open)
    live = deployment.nodes[0].at('live')
  })
  beforeEach(async () => {
    person = await createPerson(deployment)
    app = await createApp(live, deployment.made.live.api_key, { name: NASTY, homepage: 'https://app.example/about' })
  })

  const asked = async (scope?: string, of = person) => {
    const visitor = visit(live, of)
    const page = await visitor.password(await visitor.at(app, { scope }))
    return { visitor, page }
  }
  const redeem = (agreed: object) =>
    live.form('/oauth/token', { grant_type: 'authorization_code', client_id: app.client_id, ...agreed } as never)

  test('names the app, the tenant, the account, the scopes in words, and for how long', async () => {
    const { page } = await asked('openid email api-keys:read')
    const said = text(page.text)
    for (const words of [
      person.email,
      'default',
      'See API keys',
      'See your email address',
      'app.example',
      'at most 90 days',
    ]) {
      expect(said).toContain(words)
    }
    expect(page.text).toContain('&lt;img src=x onerror=alert(1)&gt;')
    expect(page.text).not.toContain('<img')
  })

  test('is remembered per app and scope: more than before is asked for again, less is not', async () => {
    const { visitor, page } = await asked('openid api-keys:read')
    expect(codeIn(await visitor.submit(page, /\/consent$/, { decision: 'allow' }))).toBeTruthy()
    expect(codeIn(await visitor.at(app, { scope: 'api-keys:read' }))).toBeTruthy()
    const more = await visitor.at(app, { scope: 'openid api-keys:read api-keys:write' })
    expect(text(more.text)).toContain('Create, change and revoke API keys')
    expect(codeIn(await visitor.submit(more, /\/consent$/, { decision: 'allow' }))).toBeTruthy()
    const another = await createApp(live, deployment.made.live.api_key, { name: 'Another' })
    expect((await visitor.at(another, { scope: 'api-keys:read' })).text).toContain('name="decision"')
    expect(await auditedOf(deployment, person, 'consent.given')).toMatchObject([
      { details: { scopes: ['openid', 'api-keys:read'], client_id: app.id } },
      { details: { scopes: ['openid', 'api-keys:read', 'api-keys:write'] } },
    ])
  })

  test('what a person has not got is neither shown nor given', async () => {
    const member = await createPerson(deployment, { role: 'member' })
    const { visitor, page } = await asked('api-keys:read members:write', member)
    expect(text(page.text)).toContain('See API keys')
    expect(text(page.text)).not.toContain('remove members')
    await visitor.submit(page, /\/consent$/, { decision: 'allow' })
    const agreed = await agree(visitor, app, { scope: 'api-keys:read members:write' })
    expect((await redeem(agreed)).body.scope).toBe('api-keys:read')
  })

  test('RFC 6749 §4.1.2.1: who has nothing of it to give is not asked, and the app is told', async () => {
    const member = await createPerson(deployment, { role: 'member' })
    const { page } = await asked('members:write', member)
    expect([page.status, errorIn(page)]).toEqual([303, 'access_denied'])
  })

  test('RFC 6749 §4.1.2.1: denied, the app gets access_denied with its state, and nothing is kept', async () => {
    const visitor = visit(live, person)
    const page = await visitor.password(await visitor.at(app, { state: 's-2' }))
    const back = await visitor.submit(page, /\/consent$/, { decision: 'deny' })
    const query = new URL(back.location ?? '').searchParams
    expect([back.status, query.get('error'), query.get('state'), query.get('iss')]).toEqual([
      ...[303, 'access_denied', 's-2', live.issuer],
    ])
    expect(await deployment.storage.database.consent.count({ where: { memberId: person.id } })).toBe(0)
    expect((await visitor.at(app)).text).toContain('name="decision"')
  })

  test('before signing in there is nobody to agree', async () => {
    const visitor = visit(live, person)
    const page = await visitor.at(app)
    const form = { csrf: csrfOf(page), decision: 'allow' }
    expect(await visitor.post(`${page.path}/consent`, form)).toMatchObject({ status: 303, location: page.path })
    expect(await deployment.storage.database.consent.count({ where: { memberId: person.id } })).toBe(0)
  })

  test('two tabs may say yes to the same app at once', async () => {
    const { visitor } = await asked()
    const tabs = [visit(live, person), visit(live, person)]
    const pages = await Promise.all(tabs.map(async (tab) => tab.password(await tab.at(app))))
    const backs = await Promise.all(
      pages.map((page, at) => tabs[at]?.submit(page, /\/consent$/, { decision: 'allow' })),
    )
    expect(backs.map((back) => back && codeIn(back) !== null)).toEqual([true, true])
    expect(codeIn(await visitor.at(app))).toBeTruthy()
  })

  test('withdrawn at the account page, its tokens are dead at once on every node, and it is asked for anew', async () => {
    const visitor = visit(live, person)
    const { body } = await redeem(await agree(visitor, app))
    const [one, two] = deployment.nodes.map((node) => node.at('live'))
    const isActive = async (at: Caller | undefined, token: string) =>
      (await at?.introspect(deployment.made.live, token))?.body.active
    const active = () =>
      Promise.all([
        isActive(one, body.access_token),
        isActive(two, body.access_token),
        isActive(two, body.refresh_token),
      ])
    expect(await active()).toEqual([true, true, true])
    const page = await visitor.open('/account')
    const done = await visitor.submit(page, /\/withdraw$/)
    expect(text(done.text)).toContain('No app has access in your name.')
    expect(await active()).toEqual([false, false, false])
    expect((await visitor.at(app)).text).toContain('name="decision"')
    expect(await auditedOf(deployment, person, 'consent.withdrawn')).toMatchObject([{ details: { client_id: app.id } }])
  })

  test('an app that was revoked has no access, and is not said to', async () => {
    const visitor = visit(live, person)
    await agree(visitor, app)
    await agree(visitor, await createApp(live, deployment.made.live.api_key, { name: 'Another' }))
    await live.api('DELETE', `/v1/apps/${app.id}`, deployment.made.live.api_key)
    const said = text((await visitor.open('/account')).text)
    expect([said.includes('Another'), said.includes('alert(1)')]).toEqual([true, false])
  })

  test("nobody withdraws what is somebody else's", async () => {
    const visitor = visit(live, person)
    await agree(visitor, app)
    const stranger = visit(live, await createPerson(deployment))
    const csrf = csrfOf(await stranger.account())
    const { id } = await deployment.storage.database.consent.findFirstOrThrow({ where: { memberId: person.id } })
    await stranger.post('/account/consents/withdraw', { csrf, id })
    expect(codeIn(await visitor.at(app))).toBeTruthy()
  })
})

describeDeployment('database', 'consent to native apps', (open) => {
  test('RFC 8252 §8.6: nobody knows who listens there, so a person looks each time', async () => {
    const deployment = await startDeployment(open)
    const live = deployment.nodes[0].at('live')
    const person = await createPerson(deployment)
    const native = await createApp(live, deployment.made.live.api_key, { redirect_uris: ['http://127.0.0.1/cb'] })
    const visitor = visit(live, person)
    const request = { redirect_uri: 'http://127.0.0.1:4711/cb' }
    const page = await visitor.password(await visitor.at(native, request))
    expect(text(page.text)).toContain('a program on this device (127.0.0.1:4711)')
    expect(codeIn(await visitor.submit(page, /\/consent$/, { decision: 'allow' }))).toBeTruthy()
    expect((await visitor.at(native, request)).text).toContain('name="decision"')
  })
})

test.each([
  [{ refreshAbsolute: 90 * DAY, refreshIdle: 30 * DAY }, 'at most 90 days, or until it isn’t used for 30 days'],
  [{ refreshAbsolute: 2 * DAY, refreshIdle: 2 * DAY }, 'at most 2 days'],
  [{ refreshAbsolute: DAY, refreshIdle: 90 }, 'at most 24 hours, or until it isn’t used for 90 seconds'],
])('%j is said as %s', (lifetimes, words) => {
  expect(keptFor(lifetimes)).toBe(words)
})
