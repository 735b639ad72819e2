import { calculateJwkThumbprint, exportJWK, generateKeyPair } from 'jose'
import * as client from 'openid-client'
import { beforeAll, describe, expect, test } from 'vitest'
import { describeDeployment } from '../deployments.ts'
import { type Caller, startDeployment, type TestDeployment } from '../start.ts'
import { type Browser, createApp, createBrowser, createPerson, type Person, REDIRECT_URI } from './people.ts'

const SCOPE = 'openid email offline_access api-keys:read'
const HOUR = 3600

/** What an app does with openid-client, the issuer URL and its registration; what its user does, in a browser. */
describeDeployment('cluster', 'openid-client for people', (open) => {
  let deployment: TestDeployment
  let live: Caller
  let person: Person
  let browser: Browser

  beforeAll(async () => {
    // The library's clock can't be moved, so the server's runs as well.
    deployment = await startDeployment(open, { clock: { now: Date.now, advance: () => {} } })
    live = deployment.nodes[0].at('live')
    person = await createPerson(deployment)
    browser = createBrowser(live, person)
  })

  const discover = (
    clientId: string,
    authentication: client.ClientAuth,
    algorithm: 'oidc' | 'oauth2' = 'oidc',
    metadata: Partial<client.ClientMetadata> = {},
  ) =>
    client.discovery(new URL(live.issuer), clientId, metadata, authentication, {
      algorithm,
      execute: [client.allowInsecureRequests],
    })

  const register = (fields: object = {}) => createApp(live, deployment.made.live.api_key, fields)

  /** A relying party: not the app itself, which may ask about nothing. */
  const asRelyingParty = () =>
    discover(deployment.made.live.client_id, client.ClientSecretBasic(deployment.made.live.client_secret))

  const introspect = async (token: string) => client.tokenIntrospection(await asRelyingParty(), token)

  interface Way {
    readonly DPoP?: client.DPoPHandle
    readonly pushed?: boolean
    readonly asked?: Record<string, string>
  }

  /** From the authorization URL to the tokens; `state`, `nonce`, `iss` and the ID token are checked by the library. */
  async function signIn(configuration: client.Configuration, { DPoP, pushed = false, asked = {} }: Way = {}) {
    const [pkceCodeVerifier, state, nonce] = [
      client.randomPKCECodeVerifier(),
      client.randomState(),
      client.randomNonce(),
    ]
    const parameters = {
      ...{ redirect_uri: REDIRECT_URI, scope: SCOPE, state, nonce, ...asked },
      code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier),
      code_challenge_method: 'S256',
    }
    const options = DPoP && { DPoP }
    const url = pushed
      ? await client.buildAuthorizationUrlWithPAR(configuration, parameters, options)
      : client.buildAuthorizationUrl(configuration, parameters)
    const back = await visit(url)
    const checks = { pkceCodeVerifier, expectedState: state, expectedNonce: nonce, maxAge: HOUR }
    const tokens = await client.authorizationCodeGrant(configuration, back, checks, undefined, options)
    return { url, back, tokens, checks }
  }

  async function visit(url: URL): Promise<URL> {
    let page = await browser.open(url.pathname + url.search)
    if (/name="password"/.test(page.text)) {
      page = await browser.submit(page, /\/password$/, { email: person.email, password: person.password })
    }
    if (/name="decision"/.test(page.text)) page = await browser.submit(page, /\/consent$/, { decision: 'allow' })
    expect(page.location).toBeDefined()
    return new URL(page.location as string)
  }

  const me = (configuration: client.Configuration, token: string, options?: client.DPoPOptions) =>
    client.fetchProtectedResource(
      ...([configuration, token, new URL('/v1/me', live.issuer), 'GET', undefined, undefined, options] as const),
    )

  /** All that an app does afterwards. */
  async function useAll(configuration: client.Configuration, way: Way = {}) {
    const options = way.DPoP && { DPoP: way.DPoP }
    const { tokens } = await signIn(configuration, way)
    expect(tokens.token_type).toBe(way.DPoP ? 'dpop' : 'bearer')
    expect(tokens.scope?.split(' ')).toEqual(expect.arrayContaining(['openid', 'email', 'api-keys:read']))
    expect(tokens.claims()).toMatchObject({ iss: live.issuer, sub: person.id, amr: ['pwd'] })
    const refreshed = await client.refreshTokenGrant(configuration, tokens.refresh_token as string, {}, options)
    expect(refreshed.refresh_token).not.toBe(tokens.refresh_token)
    expect(refreshed.claims()?.sub).toBe(person.id)
    const user = await client.fetchUserInfo(configuration, refreshed.access_token, person.id, options)
    expect(user).toMatchObject({ sub: person.id, email: person.email })
    const { client_id } = configuration.clientMetadata()
    expect(await introspect(refreshed.access_token)).toMatchObject({ active: true, sub: person.id, client_id })
    expect((await me(configuration, refreshed.access_token, options)).status).toBe(200)
    await client.tokenRevocation(configuration, refreshed.refresh_token as string)
    for (const token of [refreshed.access_token, refreshed.refresh_token, tokens.access_token]) {
      expect(await introspect(token as string)).toEqual({ active: false })
    }
    return { tokens, refreshed }
  }

  describe('a public app', () => {
    test.each(['oidc', 'oauth2'] as const)(
      'RFC 6749 §4.1, RFC 7636, RFC 9207 (%s): signs in, refreshes, asks who it is, and revokes the family',
      async (algorithm) => {
        const { client_id } = await register()
        const configuration = await discover(client_id, client.None(), algorithm)
        expect(configuration.serverMetadata().supportsPKCE()).toBe(true)
        await useAll(configuration)
      },
    )

    test('RFC 9207 §2.4: a response with another `iss`, or without, is refused by the library [attack 33]', async () => {
      const configuration = await discover((await register()).client_id, client.None())
      const { back, checks } = await signIn(configuration)
      for (const iss of ['https://attacker.example', undefined]) {
        const mixed = new URL(back)
        if (iss) mixed.searchParams.set('iss', iss)
        else mixed.searchParams.delete('iss')
        const refused = client.authorizationCodeGrant(configuration, mixed, checks)
        await expect(refused).rejects.toMatchObject({ cause: { message: expect.stringContaining('"iss"') } })
      }
    })

    test('RFC 6749 §4.1.2.1: an error comes back as one, with state and iss', async () => {
      const configuration = await discover((await register()).client_id, client.None())
      const refused = signIn(configuration, { asked: { scope: 'openid planets:destroy' } })
      await expect(refused).rejects.toMatchObject({ error: 'invalid_scope' })
      await expect(signIn(configuration, { asked: { prompt: 'none' } })).rejects.toMatchObject({
        error: 'consent_required',
      })
    })

    test('RFC 6749 §4.1.2: a code used twice takes back what it gave', async () => {
      const configuration = await discover((await register()).client_id, client.None())
      const { back, checks, tokens } = await signIn(configuration)
      const again = client.authorizationCodeGrant(configuration, back, checks)
      await expect(again).rejects.toMatchObject({ error: 'invalid_grant', status: 400 })
      expect(await introspect(tokens.access_token)).toEqual({ active: false })
    })

    test('RFC 9700 §4.14.2: a refresh token used twice ends the family', async () => {
      const configuration = await discover((await register()).client_id, client.None())
      const { tokens } = await signIn(configuration)
      const first = tokens.refresh_token as string
      const next = await client.refreshTokenGrant(configuration, first)
      for (const token of [first, next.refresh_token as string]) {
        const refused = client.refreshTokenGrant(configuration, token)
        await expect(refused).rejects.toMatchObject({ error: 'invalid_grant' })
      }
    })

    test('RFC 9126: with a pushed request the browser carries a reference and nothing else', async () => {
      const configuration = await discover((await register({ require_par: true })).client_id, client.None())
      const { url } = await signIn(configuration, { pushed: true })
      expect([...url.searchParams.keys()].sort()).toEqual(['client_id', 'request_uri'])
      await useAll(configuration, { pushed: true })
      await expect(signIn(configuration)).rejects.toMatchObject({ error: 'invalid_request' })
    })

    test('OpenID Connect RP-Initiated Logout §2: signs the browser out and comes back', async () => {
      const bye = 'https://app.example/bye'
      const app = await register({ post_logout_redirect_uris: [bye] })
      const configuration = await discover(app.client_id, client.None())
      const { tokens } = await signIn(configuration)
      const url = client.buildEndSessionUrl(configuration, {
        ...{ post_logout_redirect_uri: bye, id_token_hint: tokens.id_token as string, state: 'z' },
      })
      const question = await browser.open(url.pathname + url.search)
      const gone = await browser.submit(question, /\/oauth\/logout\/confirm$/, { logout: 'yes' })
      expect(gone.location).toBe(`${bye}?state=z`)
      await expect(signIn(configuration, { asked: { prompt: 'none' } })).rejects.toMatchObject({
        error: 'login_required',
      })
    })
  })

  describe('DPoP (RFC 9449)', () => {
    /** @param skew seconds that the library believes the time to be off */
    async function bound(skew = 0, fields: object = {}) {
      const { client_id } = await register(fields)
      const metadata = { [client.clockSkew]: skew }
      const configuration = await discover(client_id, client.None(), 'oidc', metadata)
      const keys = await client.randomDPoPKeyPair('ES256', { extractable: true })
      const jkt = await calculateJwkThumbprint(await exportJWK(keys.publicKey))
      return { configuration, DPoP: client.getDPoPHandle(configuration, keys), jkt }
    }

    test.each([false, true])('§5, §7, §10.1: bound from the request to the refresh (pushed: %s)', async (pushed) => {
      const { configuration, DPoP } = await bound(0, { require_dpop: true })
      await useAll(configuration, { DPoP, pushed })
    })

    test('§6.2, §10: introspection names the key; the code that dpop_jkt bound is for nobody else', async () => {
      const { configuration, DPoP, jkt } = await bound()
      const { tokens } = await signIn(configuration, { DPoP, asked: { dpop_jkt: jkt } })
      expect(await introspect(tokens.access_token)).toMatchObject({ token_type: 'DPoP', cnf: { jkt } })
      await expect(signIn(configuration, { asked: { dpop_jkt: jkt } })).rejects.toMatchObject({
        error: 'invalid_grant',
      })
    })

    test('§5: a bound refresh token is useless without its key, and unharmed by the attempt [attack 43]', async () => {
      const { configuration, DPoP } = await bound()
      const { tokens } = await signIn(configuration, { DPoP })
      const thief = client.getDPoPHandle(configuration, await client.randomDPoPKeyPair('ES256'))
      const stolen = tokens.refresh_token as string
      for (const options of [undefined, { DPoP: thief }]) {
        const refused = client.refreshTokenGrant(configuration, stolen, {}, options)
        await expect(refused).rejects.toMatchObject({ error: 'invalid_grant' })
      }
      expect((await client.refreshTokenGrant(configuration, stolen, {}, { DPoP })).token_type).toBe('dpop')
    })

    test('§7: a bound access token is useless as a bearer token', async () => {
      const { configuration, DPoP } = await bound()
      const { tokens } = await signIn(configuration, { DPoP })
      await expect(me(configuration, tokens.access_token)).rejects.toMatchObject({ status: 401 })
      expect((await me(configuration, tokens.access_token, { DPoP })).status).toBe(200)
    })

    test('§8, §9: a client whose clock is an hour slow is told a nonce, and goes on by itself', async () => {
      const { configuration, DPoP } = await bound(-HOUR)
      const challenged = followChallenges(configuration)
      await useAll(configuration, { DPoP, pushed: true })
      expect(challenged).toEqual(['/oauth/par'])
      const keys = await client.randomDPoPKeyPair('ES256')
      // A handle without a memory: each of these is told its first nonce.
      const forgetful = () => client.getDPoPHandle(configuration, keys)
      const { tokens } = await signIn(configuration, { DPoP: forgetful() })
      await client.refreshTokenGrant(configuration, tokens.refresh_token as string, {}, { DPoP: forgetful() })
      expect((await me(configuration, tokens.access_token, { DPoP: forgetful() })).status).toBe(200)
      await client.fetchUserInfo(configuration, tokens.access_token, person.id, { DPoP: forgetful() })
      expect(challenged.slice(1)).toEqual(['/oauth/token', '/oauth/token', '/v1/me', '/oauth/userinfo'])
    })
  })

  describe('a confidential app', () => {
    test.each([
      ['client_secret_basic', client.ClientSecretBasic],
      ['client_secret_post', client.ClientSecretPost],
    ])('RFC 6749 §2.3.1: %s', async (_, by) => {
      const { client_id, client_secret } = await register({ type: 'confidential' })
      await useAll(await discover(client_id, by(client_secret)))
      await useAll(await discover(client_id, by(client_secret)), { pushed: true })
    })

    test.each(['ES256', 'PS256', 'Ed25519'])('RFC 7523 §2.2: private_key_jwt with %s', async (alg) => {
      const { privateKey, publicKey } = await generateKeyPair(alg)
      const jwks = { keys: [{ ...(await exportJWK(publicKey)), alg, use: 'sig' }] }
      const { client_id, client_secret } = await register({ type: 'confidential', jwks })
      expect(client_secret).toBeUndefined()
      const configuration = await discover(client_id, client.PrivateKeyJwt(privateKey))
      await useAll(configuration)
      const DPoP = client.getDPoPHandle(configuration, await client.randomDPoPKeyPair('ES256'))
      await useAll(configuration, { DPoP, pushed: true })
    })

    test('RFC 6749 §3.2.1: without its secret, or with a wrong one, it is nobody', async () => {
      const { client_id } = await register({ type: 'confidential' })
      for (const authentication of [client.None(), client.ClientSecretPost('wrong')]) {
        const configuration = await discover(client_id, authentication)
        await expect(signIn(configuration)).rejects.toMatchObject({ error: 'invalid_client', status: 401 })
      }
    })
  })
})

/** Where the library is told, from now on, to use a nonce. */
function followChallenges(configuration: client.Configuration): string[] {
  const challenged: string[] = []
  configuration[client.customFetch] = async (url, options) => {
    const answer = await fetch(url, options as RequestInit)
    const said = (answer.headers.get('www-authenticate') ?? '') + (await answer.clone().text())
    if (said.includes('use_dpop_nonce')) challenged.push(new URL(url).pathname)
    return answer
  }
  return challenged
}
