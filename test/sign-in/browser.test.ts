import { randomBytes } from 'node:crypto'
import type { BrowserContextOptions, Page } from 'playwright-core'
import { beforeAll, beforeEach, expect, test } from 'vitest'
import { describeDeployment } from '../deployments.ts'
import { challengeOf, createApp, createPerson, type Person, type TestApp } from '../oauth/people.ts'
import { useChromium } from '../services/chromium.ts'
import { type Caller, startDeployment, type TestDeployment } from '../start.ts'
import { startLanding } from './landing.ts'

const NASTY = '<img src=x onerror="document.title=1">Parcel & Desk'

describeDeployment('embedded', 'in Chromium', (open) => {
  const browser = useChromium()
  let deployment: TestDeployment
  let live: Caller
  let app: TestApp
  let person: Person
  let redirectUri: string

  beforeAll(async () => {
    deployment = await startDeployment(open)
    live = deployment.nodes[0].at('live')
    redirectUri = await startLanding()
    app = await createApp(live, deployment.made.live.api_key, { name: NASTY, redirect_uris: [redirectUri] })
  })
  beforeEach(async () => {
    person = await createPerson(deployment)
  })

  /** A window in which nothing may break a policy or throw; closed after `work`. */
  async function within(options: BrowserContextOptions, work: (page: Page) => Promise<void>): Promise<void> {
    const context = await browser().newContext(options)
    const page = await context.newPage()
    const broken: string[] = []
    page.on('pageerror', (error) => broken.push(String(error)))
    page.on('console', (message) => {
      // The landing page of the test has no icon, and answers that are refusals are logged by Chromium as failures.
      if (message.type() === 'error' && !/Failed to load resource/.test(message.text())) broken.push(message.text())
    })
    try {
      await work(page)
      expect(broken).toEqual([])
    } finally {
      await context.close()
    }
  }

  interface Started {
    readonly url: string
    /** What the app gets for the code that it was sent. */
    redeem(page: Page): Promise<{ status: number; body: Record<string, string> }>
  }

  function start(asked: Record<string, string> = {}): Started {
    const verifier = randomBytes(32).toString('base64url')
    const pkce = { code_challenge: challengeOf(verifier), code_challenge_method: 'S256' }
    const request = { client_id: app.client_id, response_type: 'code', redirect_uri: redirectUri, ...pkce, ...asked }
    return {
      url: `${live.issuer}/oauth/authorize?${new URLSearchParams(request)}`,
      redeem: (page) =>
        live.form('/oauth/token', {
          ...{ grant_type: 'authorization_code', client_id: app.client_id, redirect_uri: redirectUri },
          ...{ code_verifier: verifier, code: new URL(page.url()).searchParams.get('code') ?? '' },
        }),
    }
  }

  async function signIn(page: Page): Promise<void> {
    await page.getByLabel('Email').fill(person.email)
    await page.getByLabel('Password').fill(person.password)
    await page.getByRole('button', { name: 'Sign in', exact: true }).click()
  }
  const landed = (page: Page) => page.waitForURL((url) => url.href.startsWith(redirectUri))

  async function byClicking(page: Page): Promise<void> {
    const { url, redeem } = start({ scope: 'openid api-keys:read' })
    await page.goto(url)
    await signIn(page)
    await page.getByRole('heading', { name: NASTY }).first().waitFor()
    await page.getByText('See API keys').waitFor()
    expect(await page.locator('img').count()).toBe(0)
    await page.getByRole('button', { name: 'Allow' }).click()
    await landed(page)
    const { status, body } = await redeem(page)
    expect([status, body.scope]).toEqual([200, 'openid api-keys:read'])
  }

  test('signs in and allows by clicking', () => within({}, byClicking))
  test('the same without JavaScript', () => within({ javaScriptEnabled: false }, byClicking))
  test('the same on a phone, where nothing is wider than the screen', () =>
    within({ viewport: { width: 360, height: 640 }, hasTouch: true, isMobile: true }, async (page) => {
      await page.goto(start().url)
      await signIn(page)
      await page.getByRole('button', { name: 'Allow' }).waitFor()
      expect(await page.evaluate('document.documentElement.scrollWidth <= innerWidth')).toBe(true)
      await page.getByRole('button', { name: 'Allow' }).tap()
      await landed(page)
    }))

  test('the same with the keyboard alone', () =>
    within({}, async (page) => {
      await page.goto(start().url)
      await reach(page, 'email')
      await page.keyboard.type(person.email)
      await reach(page, 'password')
      await page.keyboard.type(person.password)
      await page.keyboard.press('Enter')
      await page.getByRole('button', { name: 'Allow' }).waitFor()
      await reach(page, 'Allow')
      expect(await outlineOfFocus(page)).not.toBe('none')
      await page.keyboard.press('Enter')
      await landed(page)
    }))

  async function fromInvitation(page: Page): Promise<void> {
    const invitation = { email: `${randomBytes(6).toString('hex')}@example.com`, role: 'admin' }
    const { body } = await live.api('POST', '/v1/members/invitations', deployment.made.live.api_key, invitation)
    await page.goto(body.link)
    await page.getByRole('heading', { name: 'Join default' }).waitFor()
    await page.getByLabel('Password, at least 12 characters').fill(person.password)
    await page.getByLabel('The same again').fill(person.password)
    await page.getByRole('button', { name: 'Join' }).click()
    person = { ...person, email: invitation.email }
    await page.getByRole('heading', { name: 'Sign in' }).waitFor()
    await signIn(page)
    await page.getByText('Make a personal access token').click()
    await page.getByLabel('Name of a new token').fill('Laptop')
    await page.getByLabel('See teams').check()
    expect(await page.evaluate('document.documentElement.scrollWidth <= innerWidth')).toBe(true)
    await page.getByRole('button', { name: 'Make the token' }).click()
    const token = await page.locator('.secret').innerText()
    expect(await page.evaluate('document.documentElement.scrollWidth <= innerWidth')).toBe(true)
    expect((await live.api('GET', '/v1/me', token)).body.scopes).toEqual(['teams:read'])
    await page.getByRole('button', { name: 'Revoke Laptop' }).click()
    await page.getByText('The token is revoked.').waitFor()
    expect((await live.api('GET', '/v1/me', token)).status).toBe(401)
  }

  test('from an invitation to a personal access token', () => within({}, fromInvitation))
  test('the same on a phone without JavaScript', () =>
    within({ javaScriptEnabled: false, viewport: { width: 360, height: 640 } }, fromInvitation))

  test('light and dark are two themes of one page', async () => {
    const background = async (colorScheme: 'light' | 'dark') => {
      let color = ''
      await within({ colorScheme }, async (page) => {
        await page.goto(start().url)
        color = await page.evaluate<string>('getComputedStyle(document.body).backgroundColor')
      })
      return (color.match(/\d+/g) ?? []).slice(0, 3).reduce((sum, part) => sum + Number(part), 0)
    }
    expect(await background('light')).toBeGreaterThan(600)
    expect(await background('dark')).toBeLessThan(160)
  })

  test('a wrong password is said, and read out with the fields', () =>
    within({}, async (page) => {
      await page.goto(start().url)
      await page.getByLabel('Email').fill(person.email)
      await page.getByLabel('Password').fill('wrong')
      await page.keyboard.press('Enter')
      await page.getByRole('alert').getByText('Wrong email or password.').waitFor()
      expect(await page.getByLabel('Email').getAttribute('aria-describedby')).toBe('error')
      expect(await page.getByLabel('Email').inputValue()).toBe(person.email)
    }))

  test('denied, the app is told so', () =>
    within({}, async (page) => {
      await page.goto(start({ state: 's-3' }).url)
      await signIn(page)
      await page.getByRole('button', { name: 'Deny' }).click()
      await landed(page)
      const { searchParams } = new URL(page.url())
      expect([searchParams.get('error'), searchParams.get('state')]).toEqual(['access_denied', 's-3'])
    }))

  test('a redirect URI that is not the app’s is never followed', () =>
    within({}, async (page) => {
      const answer = await page.goto(start({ redirect_uri: 'https://evil.example/<script>' }).url)
      expect(answer?.status()).toBe(400)
      expect(new URL(page.url()).origin).toBe(live.issuer)
      await page.getByRole('heading', { name: 'This request can’t be answered' }).waitFor()
      await page.getByText('invalid_redirect_uri').waitFor()
    }))

  test('test mode wears its banner', () =>
    within({}, async (page) => {
      await page.goto(`${deployment.nodes[0].at('test').issuer}/account`)
      await page.getByText('nothing here touches live data').waitFor()
    }))

  test('a passkey is made, signs in alone, and is the second step once it is asked for', () =>
    within({}, async (page) => {
      await addAuthenticator(page)
      await page.goto(`${live.issuer}/account`)
      await signIn(page)
      await page.getByLabel('Name of a new passkey').fill('Work laptop')
      await page.getByRole('button', { name: 'Add a passkey' }).click()
      await page.getByText('The passkey was added.').waitFor()
      await page.getByRole('button', { name: /^Ask for it/ }).click()
      await page.getByText('From now on a passkey is asked for').waitFor()
      await page.getByRole('button', { name: 'Sign out', exact: true }).click()
      await page.getByRole('heading', { name: 'You are signed out' }).waitFor()

      await page.goto(start().url)
      await signIn(page)
      await page.getByRole('heading', { name: 'Use your passkey' }).waitFor()
      await page.getByRole('button', { name: 'Use your passkey' }).click()
      await page.getByRole('button', { name: 'Allow' }).click()
      await landed(page)

      await page.context().clearCookies()
      await page.goto(start().url)
      await page.getByRole('button', { name: 'Sign in with a passkey' }).click()
      await page.getByRole('button', { name: 'Allow' }).click()
      await landed(page)
    }))

  test('without a script the account page says why there is no passkey to add', () =>
    within({ javaScriptEnabled: false }, async (page) => {
      await page.goto(`${live.issuer}/account`)
      await signIn(page)
      await page.getByRole('heading', { name: 'Your account' }).waitFor()
      expect(await page.locator('main').innerText()).toContain('None can be added here.')
      expect(await page.getByRole('button', { name: 'Add a passkey' }).isVisible()).toBe(false)
    }))

  test('access is withdrawn at the account page, and its token is dead', () =>
    within({}, async (page) => {
      const { url, redeem } = start()
      await page.goto(url)
      await signIn(page)
      await page.getByRole('button', { name: 'Allow' }).click()
      await landed(page)
      const { body } = await redeem(page)
      const active = async () => (await live.introspect(deployment.made.live, body.access_token ?? '')).body.active
      expect(await active()).toBe(true)
      await page.goto(`${live.issuer}/account`)
      await page.getByRole('button', { name: /^Withdraw/ }).click()
      await page.getByText('The app’s access ended.').waitFor()
      expect(await active()).toBe(false)
    }))

  test('signing out from an app asks first, and then ends it', () =>
    within({}, async (page) => {
      await page.goto(`${live.issuer}/account`)
      await signIn(page)
      await page.getByRole('heading', { name: 'Your account' }).waitFor()
      await page.goto(`${live.issuer}/oauth/logout?client_id=${app.client_id}`)
      await page.getByRole('button', { name: 'Sign out' }).click()
      await page.getByRole('heading', { name: 'You are signed out' }).waitFor()
      await page.goto(`${live.issuer}/account`)
      await page.getByLabel('Password').waitFor()
    }))
})

/** Presses Tab until the field of this name, or the button of this text, has the focus. */
async function reach(page: Page, name: string): Promise<void> {
  for (let pressed = 0; pressed < 30; pressed++) {
    const names = '[document.activeElement.name, document.activeElement.textContent.trim()]'
    const focused = await page.evaluate<(string | undefined)[]>(names)
    if (focused.includes(name)) return
    await page.keyboard.press('Tab')
  }
  throw new Error(`${name} can't be reached by Tab`)
}

const outlineOfFocus = (page: Page) => page.evaluate<string>('getComputedStyle(document.activeElement).outlineStyle')

/** Chrome's virtual authenticator: a platform one that knows its owner. */
async function addAuthenticator(page: Page): Promise<void> {
  const cdp = await page.context().newCDPSession(page)
  await cdp.send('WebAuthn.enable')
  await cdp.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      ...{ protocol: 'ctap2', transport: 'internal', hasResidentKey: true, hasUserVerification: true },
      ...{ isUserVerified: true, automaticPresenceSimulation: true },
    },
  })
  // It would take the email field's own offer at once, before anybody has clicked.
  await page.addInitScript('PublicKeyCredential.isConditionalMediationAvailable = async () => false')
}
