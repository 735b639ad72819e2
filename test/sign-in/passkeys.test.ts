import { beforeAll, beforeEach, expect, test } from 'vitest'
import { describeDeployments } from '../deployments.ts'
import { createApp, createPerson, type Page, type Person, type TestApp } from '../oauth/people.ts'
import { type Caller, startDeployment, type TestDeployment } from '../start.ts'
import { createTenant } from '../tenants.ts'
import { auditedOf, csrfOf, type Visitor, visit } from './at.ts'
import { type Authenticator, createAuthenticator, optionsOn } from './authenticator.ts'

const MINUTE = 60_000
const SECOND_FACTOR = 'Use your passkey'

describeDeployments('passkeys', (open, name) => {
  let deployment: TestDeployment
  let live: Caller
  let app: TestApp
  let person: Person
  let passkey: Authenticator

  beforeAll(async () => {
    deployment = await startDeployment(open)
    live = deployment.nodes[0].at('live')
    app = await createApp(live, deployment.made.live.api_key)
  })
  beforeEach(async () => {
    person = await createPerson(deployment)
    passkey = createAuthenticator()
  })

  const submit = (visitor: Visitor, page: Page, action: RegExp, credential: string) =>
    visitor.submit(page, action, { credential })
  /** Registers it at the account page; the page after. */
  async function register(visitor: Visitor, authenticator = passkey): Promise<Page> {
    const page = await visitor.account()
    return visitor.submit(page, /\/add$/, { name: 'Laptop', credential: authenticator.create(page, live.issuer) })
  }
  const require = async (visitor: Visitor) =>
    visitor.submit(await visitor.open('/account'), /\/require$/, { required: 'true' })
  /** With its passkey asked for after the password, in a browser of its own. */
  async function protect(): Promise<void> {
    const visitor = visit(live, person)
    await register(visitor)
    await require(visitor)
  }
  const isSignedIn = async (visitor: Visitor) =>
    (await visitor.open('/account')).text.includes('Where you are signed in')

  test('one is added, named, renamed, used alone, and removed; each is audited', async () => {
    const visitor = visit(live, person)
    const added = await register(visitor)
    expect(added.text).toContain('The passkey was added.')
    const renamed = await visitor.submit(added, /\/rename$/, { name: '<b>Phone' })
    expect(renamed.text).toContain('&lt;b&gt;Phone')

    const elsewhere = visit(live, person)
    const page = await elsewhere.at(app)
    const consent = await submit(elsewhere, page, /\/passkey$/, passkey.get(page, live.issuer))
    expect(consent.text).toContain('name="decision"')
    const removed = await visitor.submit(renamed, /\/remove$/)
    expect(removed.text).toContain('The passkey was removed.')
    const [events] = await Promise.all([
      Promise.all(
        ['passkey.added', 'passkey.renamed', 'passkey.removed'].map((action) => auditedOf(deployment, person, action)),
      ),
    ])
    expect(events).toMatchObject([[{}], [{}], [{ details: { passkeys_left: 0 } }]])
    const [, alone] = await auditedOf(deployment, person, 'member.signed_in')
    expect(alone?.details).toMatchObject({ amr: ['hwk', 'user', 'mfa'], passkey: expect.stringMatching(/^pky_/) })
  })

  test('asked for after the password, it is a step that nothing leads around', async () => {
    await protect()
    const visitor = visit(live, person)
    const start = await visitor.at(app)
    const page = await visitor.password(start)
    expect(page.text).toContain(SECOND_FACTOR)
    expect(await isSignedIn(visitor)).toBe(false)

    const form = { csrf: csrfOf(page), decision: 'allow', email: person.email, password: person.password }
    for (const step of ['consent', 'password', 'second-factor', 'passkey'])
      await visitor.post(`${start.path}/${step}`, form)
    expect((await visitor.open(start.path)).text).toContain(SECOND_FACTOR)
    expect(await isSignedIn(visitor)).toBe(false)

    const again = await visitor.open(start.path)
    const consent = await submit(visitor, again, /\/second-factor$/, passkey.get(again, live.issuer))
    expect(consent.text).toContain('name="decision"')
    expect(await isSignedIn(visitor)).toBe(true)
    const signedIn = await auditedOf(deployment, person, 'member.signed_in')
    expect(signedIn.at(-1)?.details).toMatchObject({ amr: ['pwd', 'hwk', 'mfa'] })
  })

  test('without the password first there is no second step', async () => {
    await protect()
    const visitor = visit(live, person)
    const page = await visitor.at(app)
    const csrf = csrfOf(page)
    const credential = passkey.get(page, live.issuer, { verified: false })
    const { status, location } = await visitor.post(`${page.path}/second-factor`, { csrf, credential })
    expect([status, location]).toEqual([303, page.path])
    expect(await isSignedIn(visitor)).toBe(false)
  })

  test("somebody else's passkey is no second factor, and another account can be chosen", async () => {
    await protect()
    const other = await createPerson(deployment)
    const theirs = createAuthenticator()
    const neighbour = visit(live, other)
    await register(neighbour, theirs)
    const visitor = visit(live, person)
    const page = await visitor.password(await visitor.at(app))
    const refused = await submit(visitor, page, /\/second-factor$/, theirs.get(page, live.issuer))
    expect([refused.status, refused.text.includes(SECOND_FACTOR)]).toEqual([400, true])
    const choice = await visitor.submit(refused, /\/other-account$/)
    expect(choice.text).toContain('name="password"')
    expect((await visitor.password(choice, other.password, other.email)).text).toContain(other.email)
  })

  test('WebAuthn §13.4.3: an answer counts once, on whichever node it arrives', async () => {
    await register(visit(live, person))
    const visitor = visit(live, person)
    const page = await visitor.open('/account')
    const form = { csrf: csrfOf(page), credential: passkey.get(page, live.issuer, { counter: 0 }) }
    const cookie = [...visitor.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, at) =>
        (deployment.nodes[at % 2] ?? deployment.nodes[0]).at('live').form('/account/sign-in/passkey', form, { cookie }),
      ),
    )
    expect(answers.map(({ status }) => status).sort()).toEqual([303, ...Array(9).fill(400)])
    expect((await visitor.post('/account/sign-in/passkey', form)).status).toBe(400)
  })

  test('a challenge is 256 random bits, and of one browser', async () => {
    await register(visit(live, person))
    const visitor = visit(live, person)
    const [here, there] = [await visitor.at(app), await visit(live, person).at(app)]
    expect(Buffer.from(optionsOn(here, 'get').challenge, 'base64url')).toHaveLength(32)
    expect((await submit(visitor, here, /\/passkey$/, passkey.get(there, live.issuer))).status).toBe(400)
  })

  test('WebAuthn §7.2: origin, user verification, user handle and signature are checked', async () => {
    await register(visit(live, person))
    const lies: [string, (page: Page) => string][] = [
      ['another origin', (page) => passkey.get(page, 'https://evil.example')],
      ['nobody verified', (page) => passkey.get(page, live.issuer, { verified: false })],
      [
        'another user',
        (page) => passkey.get(page, live.issuer, { userHandle: Buffer.from('live:mem_x').toString('base64url') }),
      ],
      ['no user', (page) => passkey.get(page, live.issuer, { userHandle: undefined })],
      ['another key', (page) => createAuthenticator().get(page, live.issuer)],
      [
        'another key under this name',
        (page) => {
          const forged = JSON.parse(createAuthenticator().get(page, live.issuer))
          return JSON.stringify({ ...forged, id: passkey.credentialId, rawId: passkey.credentialId })
        },
      ],
      ['a null character', (page) => passkey.get(page, live.issuer).replaceAll(passkey.credentialId, 'a\\u0000')],
      [
        'junk in place of what it signed',
        (page) => {
          const { response, ...rest } = JSON.parse(passkey.get(page, live.issuer))
          return JSON.stringify({ ...rest, response: { ...response, authenticatorData: 'AAAA', signature: '!' } })
        },
      ],
      ['junk', () => '{"id":1}'],
      ['nothing', () => ''],
    ]
    for (const [lie, credential] of lies) {
      const visitor = visit(live, person)
      const page = await visitor.at(app)
      expect([lie, (await submit(visitor, page, /\/passkey$/, credential(page))).status]).toEqual([lie, 400])
      expect(await isSignedIn(visitor)).toBe(false)
    }
  })

  test('WebAuthn §7.2 step 22: a counter that falls back is a copied key, refused and audited', async () => {
    await register(visit(live, person))
    const use = async (counter: number) => {
      const visitor = visit(live, person)
      const page = await visitor.at(app)
      return (await submit(visitor, page, /\/passkey$/, passkey.get(page, live.issuer, { counter }))).status
    }
    expect([await use(7), await use(7), await use(3), await use(0), await use(8)]).toEqual([200, 400, 400, 400, 200])
    const refused = await auditedOf(deployment, person, 'passkey.refused')
    expect(refused.map(({ details }) => (details as { reason: string }).reason)).toEqual(
      Array(3).fill('signature_counter'),
    )
  })

  test("another tenant's person can't come in by a passkey", async () => {
    const elsewhere = await createTenant(deployment)
    const stranger = await createPerson(deployment, { tenantId: elsewhere.id })
    await register(visit(live, stranger))
    const visitor = visit(live, stranger)
    const page = await visitor.at(app)
    expect((await submit(visitor, page, /\/passkey$/, passkey.get(page, live.issuer))).status).toBe(400)
  })

  test('a passkey of one mode is unknown in the other', async () => {
    await protect()
    const sandbox = deployment.nodes[0].at('test')
    const visitor = visit(sandbox, person)
    const page = await visitor.open('/account')
    expect((await submit(visitor, page, /\/passkey$/, passkey.get(page, sandbox.issuer))).status).toBe(400)
    // No passkey here, so the password alone signs in; but it doesn't get to change that for live mode.
    expect((await visitor.account()).text).toContain('Live mode changes this, for both.')
    const form = { csrf: csrfOf(await visitor.open('/account')), required: 'false' }
    expect((await visitor.post('/account/passkeys/require', form)).status).toBe(400)
    const there = visit(live, person)
    expect((await there.password(await there.at(app))).text).toContain(SECOND_FACTOR)
  })

  test('without any passkey nothing can be required, and without the last one nothing is', async () => {
    const visitor = visit(live, person)
    await visitor.account()
    const form = { csrf: csrfOf(await visitor.open('/account')), required: 'true' }
    expect(await visitor.post('/account/passkeys/require', form)).toMatchObject({
      status: 400,
      text: expect.stringContaining('Add a passkey first.'),
    })
    await protect()
    const required = await auditedOf(deployment, person, 'member.passkey_required')
    expect(required.map(({ mode }) => mode).sort()).toEqual(['live', 'test'])
    await visitor.submit(await visitor.open('/account'), /\/remove$/)
    expect((await visit(live, person).account()).text).toContain('the password alone signs you in')
  })

  test('a registration counts for its own session only, and a passkey is one person’s', async () => {
    const visitor = visit(live, person)
    const page = await visitor.account()
    const other = visit(live, await createPerson(deployment))
    const theirs = await other.account()
    const add = (browser: Visitor, at: Page, made: Page) =>
      browser.submit(at, /\/add$/, { name: 'x', credential: passkey.create(made, live.issuer) })
    expect((await add(other, theirs, page)).status).toBe(400)
    expect((await add(visitor, await visitor.open('/account'), await visitor.open('/account'))).text).toContain(
      'was added',
    )
    const fresh = await other.open('/account')
    expect((await add(other, fresh, fresh)).status).toBe(400)
  })

  // From here on the clock is ahead. (Redis counts lifetimes by its own, so there a record can't be made to end early.)
  if (name !== 'cluster') {
    test('a challenge is good for five minutes', async () => {
      await register(visit(live, person))
      const visitor = visit(live, person)
      const page = await visitor.at(app)
      deployment.clock.advance(5 * MINUTE)
      expect((await submit(visitor, page, /\/passkey$/, passkey.get(page, live.issuer))).status).toBe(400)
    })
  }

  test('who signed in a while ago does so again before a passkey is added or removed', async () => {
    const visitor = visit(live, person)
    const page = await register(visitor)
    deployment.clock.advance(16 * MINUTE)
    const old = await visitor.open('/account')
    expect(old.text).toContain('sign in again')
    expect(old.text).not.toContain('data-passkey="create"')
    for (const action of [/\/remove$/, /\/require$/]) {
      expect((await visitor.submit(old, action)).text).toContain('name="password"')
    }
    const { location } = await visitor.post('/account/passkeys/add', {
      csrf: csrfOf(page),
      name: 'x',
      credential: '{}',
    })
    expect(location).toBe('/account?sign-in=again')
    expect(await auditedOf(deployment, person, 'passkey.removed')).toEqual([])
  })
})
