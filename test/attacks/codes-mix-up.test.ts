import * as oauth from 'oauth4webapi'
import * as client from 'openid-client'
import { beforeAll, describe, expect, test } from 'vitest'
import { describeDeployment } from '../deployments.ts'
import {
  type Browser,
  createApp,
  createBrowser,
  createPerson,
  type Person,
  REDIRECT_URI,
  type TestApp,
} from '../oauth/people.ts'
import { requestOf, visit } from '../sign-in/at.ts'
import { type Caller, startDeployment, type TestDeployment } from '../start.ts'

const insecure = { [oauth.allowInsecureRequests]: true }

/** RFC 9207: live and test mode are two issuers, which one app may use both. */
describeDeployment('cluster', 'an answer of one issuer as if it were of another', (open) => {
  let deployment: TestDeployment
  let live: Caller
  let sandbox: Caller
  let person: Person
  let apps: { live: TestApp; test: TestApp }
  let browsers: { live: Browser; test: Browser }

  beforeAll(async () => {
    // The libraries' clocks can't be moved, so the server's runs as well.
    deployment = await startDeployment(open, { clock: { now: Date.now, advance: () => {} } })
    live = deployment.nodes[0].at('live')
    sandbox = deployment.nodes[0].at('test')
    person = await createPerson(deployment)
    apps = {
      live: await createApp(live, deployment.made.live.api_key),
      test: await createApp(sandbox, deployment.made.test.api_key),
    }
    browsers = { live: createBrowser(live, person), test: createBrowser(sandbox, person) }
  })

  /** An honest answer of this mode's issuer to a request whose state and verifier are those of the other. */
  const answerOf = (mode: 'live' | 'test', checks: { state: string; challenge: string }): Promise<URL> =>
    browsers[mode].authorize(apps[mode], {
      ...{ redirect_uri: REDIRECT_URI, state: checks.state, scope: 'openid' },
      ...{ code_challenge: checks.challenge, code_challenge_method: 'S256' },
    })

  const requestOfLibrary = async () => {
    const [verifier, state] = [client.randomPKCECodeVerifier(), client.randomState()]
    return { verifier, state, challenge: await client.calculatePKCECodeChallenge(verifier) }
  }

  test('openid-client takes ours, and refuses the other before it sends the code anywhere [attack 33]', async () => {
    const configuration = await client.discovery(new URL(live.issuer), apps.live.client_id, {}, client.None(), {
      execute: [client.allowInsecureRequests],
    })
    const sent: string[] = []
    configuration[client.customFetch] = (url, options) => {
      sent.push(new URL(url).pathname)
      return fetch(url, options as RequestInit)
    }
    const request = await requestOfLibrary()
    const checks = { pkceCodeVerifier: request.verifier, expectedState: request.state }
    const theirs = await answerOf('test', request)
    const refused = client.authorizationCodeGrant(configuration, theirs, checks)
    await expect(refused).rejects.toMatchObject({ cause: { message: expect.stringContaining('"iss"') } })
    expect(sent).toEqual([])
    const tokens = await client.authorizationCodeGrant(configuration, await answerOf('live', request), checks)
    expect(tokens.access_token).toMatch(/^kc_live_/)
  })

  test('so does oauth4webapi, of errors as well [attack 33]', async () => {
    const response = await oauth.discoveryRequest(new URL(live.issuer), { algorithm: 'oauth2', ...insecure })
    const as = await oauth.processDiscoveryResponse(new URL(live.issuer), response)
    const { client_id } = apps.live
    const request = await requestOfLibrary()
    const ours = await answerOf('live', request)
    expect(oauth.validateAuthResponse(as, { client_id }, ours, request.state).get('iss')).toBe(live.issuer)
    const mixed = [await answerOf('test', request)]
    const stripped = new URL(ours)
    stripped.searchParams.delete('iss')
    const lookalike = new URL(ours)
    lookalike.searchParams.set('iss', `${live.issuer}/`)
    const error = new URL(ours)
    error.search = `${new URLSearchParams({ error: 'access_denied', state: request.state, iss: sandbox.issuer })}`
    for (const each of [...mixed, stripped, lookalike, error]) {
      expect(() => oauth.validateAuthResponse(as, { client_id }, each, request.state)).toThrow(/"iss"/)
    }
  })

  describe('every answer says whose it is', () => {
    const stranger = () => visit(live, person)
    const asked = (change: Record<string, string> = {}) => requestOf(apps.live, { state: 's', ...change })

    test.each([
      ['login_required', { prompt: 'none' }],
      ['invalid_scope', { scope: 'planets:destroy' }],
      ['invalid_target', { resource: 'https://unknown.example' }],
      ['invalid_request', { code_challenge_method: 'plain' }],
      ['invalid_request', { prompt: 'none login' }],
      ['unsupported_response_type', { response_type: 'token' }],
      ['unsupported_response_mode', { response_mode: 'web_message' }],
      ['request_not_supported', { request: 'e30.e30.' }],
      ['request_uri_not_supported', { request_uri: 'https://internal.example/' }],
    ])('%s, asked for %j [attack 33]', async (error, change: Record<string, string>) => {
      const { location = '' } = await stranger().open(asked(change))
      const answer = new URLSearchParams(location.split(/[?#]/)[1])
      expect([answer.get('error'), answer.get('iss')]).toEqual([error, live.issuer])
    })

    test('access_denied, at the sign-in page and at the consent page [attack 33]', async () => {
      const visitor = stranger()
      const cancelled = await visitor.submit(await visitor.open(asked()), /\/cancel$/)
      const consent = await visitor.password(await visitor.open(asked({ prompt: 'login consent' })))
      const denied = await visitor.submit(consent, /\/consent$/, { decision: 'deny' })
      for (const { location = '' } of [cancelled, denied]) {
        const { searchParams } = new URL(location)
        expect([searchParams.get('error'), searchParams.get('iss')]).toEqual(['access_denied', live.issuer])
      }
    })

    test.each([
      ['fragment', /#.*\biss=/],
      ['query', /\?.*\biss=/],
    ])('a code by %s', async (response_mode, expected) => {
      await answerOf('live', { state: 's', challenge: 'x'.repeat(43) })
      const { location = '' } = await browsers.live.open(asked({ response_mode, scope: 'openid' }))
      expect(location).toMatch(/[?#&]code=/)
      expect(location).toMatch(expected)
    })

    test('a code by form_post', async () => {
      await answerOf('live', { state: 's', challenge: 'x'.repeat(43) })
      const { text } = await browsers.live.open(asked({ response_mode: 'form_post', scope: 'openid' }))
      expect(text).toContain(`name="iss" value="${live.issuer}"`)
    })
  })
})
