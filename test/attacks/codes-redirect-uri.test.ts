import { beforeAll, describe, expect, test } from 'vitest'
import { describeDeployment } from '../deployments.ts'
import { agree, type Browser, createApp, createBrowser, createPerson, type TestApp } from '../oauth/people.ts'
import { requestOf } from '../sign-in/at.ts'
import { type Caller, startDeployment, type TestDeployment } from '../start.ts'

const REGISTERED = 'https://app.example/a/callback'

/** Near to what is registered, by what URL classes, browsers and prefix matches have forgiven elsewhere. */
const NEAR = [
  ...['https://app.example/a/Callback', 'HTTPS://app.example/a/callback', 'https://App.example/a/callback'],
  ...['https://app.example:443/a/callback', 'https://app.example:8443/a/callback', 'https://app.example:/a/callback'],
  ...['https://app.example/a/callback/', 'https://app.example//a/callback', 'https://app.example/a/./callback'],
  ...['https://app.example/a/b/../callback', 'https://app.example/a/callback/../../evil', 'https://app.example/a'],
  ...['https://app.example/a/callback/%2e%2e/evil', 'https://app.example/a/callback%2f..%2f..', 'https://app.example'],
  ...['https://app.example/a/callback?', 'https://app.example/a/callback?next=//evil.example', `${REGISTERED}&x=1`],
  ...['https://app.example/a/callback;x=1', 'https://app.example/a/callback#', 'https://app.example/a/callback#@evil'],
  ...['https://evil@app.example/a/callback', 'https://app.example@evil.example/a/callback'],
  ...['https://app.example:x@evil.example/a/callback', 'https://@app.example/a/callback'],
  ...['https://app.example/%61/callback', 'https://app.example/a/callback%00', 'https://app.example/a/callback%0d%0a'],
  ...['https://app%2eexample/a/callback', 'https://app.example%2fevil.example/a/callback'],
  ...['https://evil.app.example/a/callback', 'https://app.example.evil.example/a/callback', 'https://*/a/callback'],
  ...['https://*.app.example/a/callback', 'https://evilapp.example/a/callback', 'https://app.example./a/callback'],
  ...['https:\\\\app.example\\a\\callback', 'https://evil.example\\@app.example/a/callback', 'https:app.example'],
  ...['https://app.example/a/callback\t', ' https://app.example/a/callback', 'https://app.exam\nple/a/callback'],
  ...['https://app.example/a/callback\0', 'https://аpp.example/a/callback', 'https://app。example/a/callback'],
  ...['//app.example/a/callback', '/a/callback', 'data:text/html,x', 'javascript:location="https://app.example"'],
  ...[
    'http://app.example/a/callback',
    'https://[::1]/a/callback',
    'https://app.example/a/callback https://evil.example',
  ],
]

describeDeployment('cluster', 'a redirect URI that is nearly right', (open) => {
  let deployment: TestDeployment
  let live: Caller
  let app: TestApp
  let browser: Browser

  beforeAll(async () => {
    deployment = await startDeployment(open)
    live = deployment.nodes[0].at('live')
    app = await createApp(live, deployment.made.live.api_key, { redirect_uris: [REGISTERED, 'https://app.example/b'] })
    browser = createBrowser(live, await createPerson(deployment))
    await agree(browser, app) // signed in, and agreed: the next redirect would carry a code
  })

  /** What the browser is told, and where it is not sent. */
  function expectPage({ status, location }: { status: number; location: string | undefined }, uri: string): void {
    expect([uri, status, location]).toEqual([uri, 400, undefined])
  }

  test('the right one leads back with a code, so that the others might have', async () => {
    expect((await browser.open(requestOf(app))).location).toMatch(/^https:\/\/app\.example\/a\/callback\?code=/)
  })

  test('nobody is redirected, with a code or with an error [attack 28]', async () => {
    for (const redirect_uri of NEAR) {
      expectPage(await browser.open(requestOf(app, { redirect_uri })), redirect_uri)
      // What else is wrong with it is told on the page as well.
      const wrong = { redirect_uri, response_type: 'token', prompt: 'none', scope: 'planets:destroy' }
      expectPage(await browser.open(requestOf(app, wrong)), redirect_uri)
    }
  })

  test('nor is a request by POST, or one that was pushed [attack 28]', async () => {
    for (const redirect_uri of NEAR) {
      const query = requestOf(app, { redirect_uri }).split('?')[1] as string
      const posted = await live.form('/oauth/authorize', query)
      const { location } = posted.headers
      expectPage(location ? await browser.open(location) : { status: posted.status, location }, redirect_uri)
      const pushed = await live.form('/oauth/par', query)
      expect([redirect_uri, pushed.status, pushed.body.request_uri]).toEqual([redirect_uri, 400, undefined])
    }
  })

  test('two of them, or none where two are registered [attack 28]', async () => {
    const twice = `${requestOf(app)}&redirect_uri=${encodeURIComponent('https://app.example/b')}`
    for (const path of [twice, requestOf(app, { redirect_uri: undefined })]) {
      expectPage(await browser.open(path), path)
    }
  })

  test("another app's, or one of the same app that was taken away [attack 28]", async () => {
    const other = await createApp(live, deployment.made.live.api_key, { redirect_uris: ['https://other.example/cb'] })
    expectPage(await browser.open(requestOf(app, { redirect_uri: 'https://other.example/cb' })), 'another')
    const { redirect_uris: _, ...rest } = other
    await agree(browser, other)
    const change = { redirect_uris: ['https://other.example/new'] }
    await live.api('PATCH', `/v1/apps/${other.id}`, deployment.made.live.api_key, change)
    for (const node of deployment.nodes) {
      const same = createBrowser(node.at('live'), { email: '', password: '' })
      const asked = requestOf({ ...rest, redirect_uris: [] }, { redirect_uri: 'https://other.example/cb' })
      expectPage(await same.open(asked), 'taken away')
    }
  })

  describe('registered', () => {
    test('a star is a star, and stands for nothing else [attack 28]', async () => {
      const wild = await createApp(live, deployment.made.live.api_key, { redirect_uris: ['https://app.example/*'] })
      await agree(browser, wild)
      const near = [
        'https://app.example/',
        'https://app.example/cb',
        'https://app.example/%2a',
        'https://app.example/**',
      ]
      for (const redirect_uri of [...near, 'https://evil.app.example/cb', 'https://.app.example/cb']) {
        expectPage(await browser.open(requestOf(wild, { redirect_uri })), redirect_uri)
      }
    })

    test.each([
      'https://*.app.example/cb',
      'https://app.example/../cb#x',
      'https://user@app.example/cb',
      'http://app.example/cb',
      'https://app.example/cb\\',
      'javascript:alert(1)',
    ])('%j is not taken', async (uri) => {
      const body = { name: 'Wild', type: 'public', redirect_uris: [uri] }
      const { status } = await live.api('POST', '/v1/apps', deployment.made.live.api_key, body)
      expect(status).toBe(422)
    })
  })
})
