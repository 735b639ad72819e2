import { exportJWK, generateKeyPair } from 'jose'
import * as oauth from 'oauth4webapi'
import * as client from 'openid-client'
import { beforeAll, describe, expect, test } from 'vitest'
import { describeDeployment } from '../deployments.ts'
import { type Caller, type Key, startDeployment } from '../start.ts'

/** What real clients do with the issuer URL and a key, and nothing else. */
describeDeployment('database', 'client libraries', (open) => {
  let issuer: URL
  let key: Key & { api_key: string }

  let live: Caller

  beforeAll(async () => {
    // The libraries' clocks can't be moved, so the server's runs as well.
    const { nodes, made } = await startDeployment(open, { clock: { now: Date.now, advance: () => {} } })
    live = nodes[0].at('live')
    issuer = new URL(live.issuer)
    key = made.live
  })

  describe('openid-client', () => {
    const discover = (authentication: client.ClientAuth, algorithm: 'oidc' | 'oauth2' = 'oauth2') =>
      client.discovery(issuer, key.client_id, undefined, authentication, {
        algorithm,
        execute: [client.allowInsecureRequests],
      })

    test.each(['oidc', 'oauth2'] as const)('discovers (%s), mints, introspects and revokes', async (algorithm) => {
      for (const authentication of [
        client.ClientSecretBasic(key.client_secret),
        client.ClientSecretPost(key.client_secret),
      ]) {
        const configuration = await discover(authentication, algorithm)
        const minted = await client.clientCredentialsGrant(configuration, { scope: 'api-keys:read' })
        expect(minted).toMatchObject({ token_type: 'bearer', expires_in: 3600, scope: 'api-keys:read' })
        const seen = await client.tokenIntrospection(configuration, minted.access_token)
        expect(seen).toMatchObject({ active: true, client_id: key.client_id, scope: 'api-keys:read' })
        await client.tokenRevocation(configuration, minted.access_token)
        expect(await client.tokenIntrospection(configuration, minted.access_token)).toEqual({ active: false })
      }
    })

    test('RFC 8707: asks for a resource', async () => {
      const configuration = await discover(client.ClientSecretBasic(key.client_secret))
      const minted = await client.clientCredentialsGrant(configuration, { resource: issuer.href })
      expect(minted.access_token).toMatch(/^kc_live_/)
      const refused = client.clientCredentialsGrant(configuration, { resource: 'https://unknown.example' })
      await expect(refused).rejects.toMatchObject({ error: 'invalid_target', status: 400 })
    })

    test('reads our errors', async () => {
      const inBody = await discover(client.ClientSecretPost('wrong'))
      await expect(client.clientCredentialsGrant(inBody)).rejects.toMatchObject({
        error: 'invalid_client',
        status: 401,
      })
      // RFC 6749 §5.2: by the header, the answer is a challenge, which this library reads first.
      const byHeader = await discover(client.ClientSecretBasic('wrong'))
      const challenge = { scheme: 'basic', parameters: { error: 'invalid_client' } }
      await expect(client.clientCredentialsGrant(byHeader)).rejects.toMatchObject({ status: 401, cause: [challenge] })
    })

    test('RFC 9449: a bound token, and the management API with it', async () => {
      const configuration = await discover(client.ClientSecretBasic(key.client_secret))
      const DPoP = client.getDPoPHandle(configuration, await client.randomDPoPKeyPair('ES256'))
      const minted = await client.clientCredentialsGrant(configuration, {}, { DPoP })
      expect(minted.token_type).toBe('dpop')
      const me = new URL('/v1/me', issuer)
      const answer = await client.fetchProtectedResource(
        configuration,
        minted.access_token,
        me,
        'GET',
        null,
        undefined,
        {
          DPoP,
        },
      )
      expect(await answer.json()).toMatchObject({ mode: 'live', client: { client_id: key.client_id } })
    })
  })

  describe('a service user with a key of its own (RFC 7523 §2.2, FAPI 2.0 Security Profile)', () => {
    test.each(['ES256', 'PS256', 'Ed25519'])('private_key_jwt with %s, bound by DPoP', async (alg) => {
      const { privateKey, publicKey } = await generateKeyPair(alg)
      const jwks = { keys: [{ ...(await exportJWK(publicKey)), kid: 'one' }] }
      const made = await live.api('POST', '/v1/service-users', key.api_key, { name: 'robot', role: 'viewer', jwks })
      const { client_id } = made.body
      const proof = client.PrivateKeyJwt({ key: privateKey, kid: 'one' })
      const configuration = await client.discovery(issuer, client_id, undefined, proof, {
        execute: [client.allowInsecureRequests],
      })
      const DPoP = client.getDPoPHandle(configuration, await client.randomDPoPKeyPair('ES256'))
      const minted = await client.clientCredentialsGrant(configuration, { scope: 'api-keys:read' }, { DPoP })
      expect(minted).toMatchObject({ token_type: 'dpop', scope: 'api-keys:read' })
      await client.tokenRevocation(configuration, minted.access_token)
      expect((await live.introspect(key, minted.access_token)).body).toEqual({ active: false })
    })
  })

  describe('oauth4webapi', () => {
    const insecure = { [oauth.allowInsecureRequests]: true }
    const discover = async (algorithm: 'oidc' | 'oauth2') => {
      const response = await oauth.discoveryRequest(issuer, { algorithm, ...insecure })
      return oauth.processDiscoveryResponse(issuer, response)
    }

    test.each(['oidc', 'oauth2'] as const)(
      'RFC 8414 §3.3 (%s): the issuer is the one that was asked',
      async (algorithm) => {
        expect((await discover(algorithm)).issuer).toBe(issuer.origin)
      },
    )

    test('RFC 6749 §2.3.1, §4.4; RFC 7662; RFC 7009', async () => {
      const as = await discover('oauth2')
      const us: oauth.Client = { client_id: key.client_id }
      const secret = oauth.ClientSecretBasic(key.client_secret)
      const parameters = new URLSearchParams({ scope: 'tokens:introspect' })
      const answer = await oauth.clientCredentialsGrantRequest(as, us, secret, parameters, insecure)
      const { access_token } = await oauth.processClientCredentialsResponse(as, us, answer)
      const introspect = async () =>
        oauth.processIntrospectionResponse(
          as,
          us,
          await oauth.introspectionRequest(as, us, secret, access_token, insecure),
        )
      expect(await introspect()).toMatchObject({ active: true, scope: 'tokens:introspect' })
      const revoked = await oauth.revocationRequest(as, us, secret, access_token, insecure)
      await oauth.processRevocationResponse(revoked)
      expect(await introspect()).toEqual({ active: false })
    })

    test('RFC 9701 §5: the answer as a JWT, whose signature is checked against our keys', async () => {
      const as = await discover('oauth2')
      const us = { client_id: key.client_id, introspection_signed_response_alg: 'ES256' }
      const secret = oauth.ClientSecretBasic(key.client_secret)
      const { access_token } = (await live.token(key, { scope: 'tokens:introspect' })).body
      const options = { requestJwtResponse: true, ...insecure }
      const answer = await oauth.introspectionRequest(as, us, secret, access_token, options)
      expect(answer.headers.get('content-type')).toBe('application/token-introspection+jwt')
      const seen = await oauth.processIntrospectionResponse(as, us, answer)
      expect(seen).toMatchObject({ active: true, client_id: key.client_id, scope: 'tokens:introspect' })
      await oauth.validateApplicationLevelSignature(as, answer, insecure)
    })

    test('RFC 9728 §3, §5.1: from a 401 of the management API to the server that gives its tokens', async () => {
      const refused = await fetch(new URL('/v1/me', issuer))
      expect(refused.status).toBe(401)
      const metadataUrl = /resource_metadata="([^"]+)"/.exec(refused.headers.get('www-authenticate') ?? '')?.[1]
      const followed = await fetch(metadataUrl as string)
      const resource = await oauth.processResourceDiscoveryResponse(issuer, followed)
      const asked = await oauth.resourceDiscoveryRequest(issuer, insecure)
      expect(await oauth.processResourceDiscoveryResponse(issuer, asked)).toEqual(resource)
      const [authorizationServer] = resource.authorization_servers as [string]
      const found = await oauth.discoveryRequest(new URL(authorizationServer), { algorithm: 'oauth2', ...insecure })
      const as = await oauth.processDiscoveryResponse(new URL(authorizationServer), found)
      expect(as.protected_resources).toContain(resource.resource)
    })
  })
})
