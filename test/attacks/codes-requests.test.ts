import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { describeDeployment } from '../deployments.ts'
import {
  type Asked,
  agree,
  type Browser,
  createApp,
  createBrowser,
  createPerson,
  type Page,
  REDIRECT_URI,
  type TestApp,
} from '../oauth/people.ts'
import { requestOf } from '../sign-in/at.ts'
import { type Caller, startDeployment, type TestDeployment } from '../start.ts'

describeDeployment('cluster', 'an authorization request that wants it otherwise', (open) => {
  let deployment: TestDeployment
  let live: Caller
  let app: TestApp
  let browser: Browser
  let inside: string
  const fetched: string[] = []

  /** What only a server inside the network reaches. The guard on outbound fetches lets it pass, so that it is not what stops them. */
  const internal = createServer((request, response) => {
    fetched.push(request.url as string)
    const client_id = `${inside}${request.url}`
    const document = { client_id, client_name: 'An agent', redirect_uris: [REDIRECT_URI] }
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify({ ...document, token_endpoint_auth_method: 'none' }))
  })

  beforeAll(async () => {
    await new Promise<void>((resolve) => internal.listen(0, '127.0.0.1', resolve))
    const host = `localhost:${(internal.address() as AddressInfo).port}`
    inside = `http://${host}`
    deployment = await startDeployment(open, { outboundAllow: [host] })
    live = deployment.nodes[0].at('live')
    app = await createApp(live, deployment.made.live.api_key)
    browser = createBrowser(live, await createPerson(deployment))
    await agree(browser, app) // signed in, and agreed: a request as it should be gets a code at once
  })
  afterAll(() => void internal.close().closeAllConnections())

  const TOKENS = /[?#&](code|access_token|id_token|token|response)=/
  const ask = (asked: Asked = {}) => browser.open(requestOf(app, { state: 's', ...asked }))
  /** Of what the app is sent, or of the page that says it. */
  const errorOf = ({ location, text }: Page): string | null | undefined =>
    location === undefined
      ? (/name="error" value="(\w+)"/.exec(text) ?? /(invalid_\w+)/.exec(text))?.[1]
      : new URLSearchParams(location.split(/[?#]/)[1]).get('error')
  const pushed = (asked: Asked) => live.form('/oauth/par', requestOf(app, asked).split('?')[1] as string)

  test('as it should be it gets a code, so that the others might have', async () => {
    expect((await ask()).location).toMatch(TOKENS)
    expect((await pushed({})).status).toBe(201)
  })

  test.each([
    ...[
      'token',
      'id_token',
      'none',
      'code token',
      'code id_token',
      'code id_token token',
      'id_token token',
      'token code',
    ],
    ...['Code', 'CODE', ' code', 'code ', 'code,token', 'code+token', 'code\0', 'device', '__proto__', '*'],
  ])('response_type=%j: no code, no token, by no way [attack 34]', async (response_type) => {
    for (const response_mode of [undefined, 'query', 'fragment', 'form_post']) {
      const page = await ask({ response_type, response_mode, nonce: 'n', scope: 'openid' })
      expect(page.location ?? '').not.toMatch(TOKENS)
      expect(page.text).not.toMatch(/name="(code|access_token|id_token)"/)
      expect(errorOf(page)).toMatch(/^(unsupported_response_type|invalid_request)$/)
    }
    const { status, body } = await pushed({ response_type })
    expect([status, body.request_uri]).toEqual([400, undefined])
  })

  test('no response_type, or two', async () => {
    expect(errorOf(await ask({ response_type: undefined }))).toBe('invalid_request')
    for (const other of ['code', 'token']) {
      const page = await browser.open(`${requestOf(app)}&response_type=${other}`)
      expect(page.location ?? '').not.toMatch(TOKENS)
      expect(errorOf(page)).toBe('invalid_request')
    }
  })

  test.each([
    ...['jwt', 'query.jwt', 'fragment.jwt', 'form_post.jwt', 'web_message', 'okta_post_message', 'cookie'],
    ...['Query', 'query fragment', 'form_post\0', '__proto__', 'constructor', 'javascript:alert(1)'],
  ])('response_mode=%j: no code, by no way [attack 34]', async (response_mode) => {
    const page = await ask({ response_mode })
    expect(page.location ?? '').not.toMatch(TOKENS)
    expect(page.text).not.toMatch(/name="code"/)
    expect(errorOf(page)).toMatch(/^(unsupported_response_mode|invalid_request)$/)
    expect((await pushed({ response_mode })).status).toBe(400)
  })

  test.each<[string, Asked, string]>([
    ['nobody signed in', {}, 'login_required'],
    ['a wish to sign in as well', { prompt: 'none login' }, 'invalid_request'],
    ['a wish to be asked as well', { prompt: 'none consent' }, 'invalid_request'],
    ['another person named', { login_hint: 'owner@localhost' }, 'login_required'],
    ['max_age=0, which is that wish', { max_age: '0' }, 'invalid_request'],
  ])('prompt=none with %s shows no page and gives no code [attack 34]', async (_, asked, error) => {
    const stranger = createBrowser(live, await createPerson(deployment))
    const page = await stranger.open(requestOf(app, { prompt: 'none', state: 's', ...asked }))
    expect(page.location ?? '').not.toMatch(TOKENS)
    expect(errorOf(page)).toBe(error)
    expect([...stranger.cookies.keys()].filter((name) => name.includes('interaction'))).toEqual([])
  })

  test('what prompt knows not is an error', async () => {
    for (const prompt of ['None', 'create', 'none\0', 'login login none']) {
      expect(errorOf(await ask({ prompt }))).toBe('invalid_request')
    }
  })

  test('nothing in a request is fetched from inside the network [attack 34]', async () => {
    const url = `${inside}/request.jwt`
    const header = Buffer.from(JSON.stringify({ alg: 'RS256', jku: url, x5u: url })).toString('base64url')
    const claims = Buffer.from(JSON.stringify({ iss: app.client_id, request_uri: url, jwks_uri: url })).toString(
      'base64url',
    )
    const jwt = `${header}.${claims}.AAAA`
    const places = [
      'request_uri',
      'logo_uri',
      'jwks_uri',
      'sector_identifier_uri',
      'registration',
      'client_uri',
      'policy_uri',
    ]
    const wishes: Asked[] = [
      ...places.map((name) => ({ [name]: url })),
      { request_uri: `${url}#urn:ietf:params:oauth:request_uri:x` },
      { request_uri: url.replace('http:', 'HTTP:') },
      { request: jwt },
      { id_token_hint: jwt },
      { claims: JSON.stringify({ userinfo: { _claim_sources: { src1: { endpoint: url } } } }) },
      { registration: JSON.stringify({ jwks_uri: url, logo_uri: url }) },
      { resource: url },
      { client_id: url }, // no such client while the tenant wants none that are described by a document
    ]
    for (const asked of wishes) {
      const page = await ask(asked)
      if (asked.request_uri || asked.request) expect(page.location).toMatch(/error=request(_uri)?_not_supported/)
      await live.form('/oauth/authorize', requestOf(app, asked).split('?')[1] as string)
      await pushed(asked)
    }
    expect(fetched).toEqual([])

    // It can be reached: where a tenant wants such clients their document is read, and nothing else.
    await live.api('PATCH', '/v1/tenant', deployment.made.live.api_key, { metadata_document_clients: true })
    const agent = { client_id: `${inside}/agent.json`, resource: live.issuer }
    const page = await ask({ ...agent, request_uri: url })
    expect(page.location ?? '').not.toMatch(TOKENS)
    expect(fetched).toEqual(['/agent.json'])
  })
})
