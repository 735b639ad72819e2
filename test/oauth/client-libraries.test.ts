import * as oauth from 'oauth4webapi'
import * as client from 'openid-client'
import { beforeAll, describe, expect, test } from 'vitest'
import { describeDeployment } from '../deployments.ts'
import { type Key, startDeployment } from '../start.ts'

/** What real clients do with the issuer URL and a key, and nothing else. */
describeDeployment('database', 'client libraries', (open) => {
  let issuer: URL
  let key: Key & { api_key: string }

  beforeAll(async () => {
    const { nodes, made } = await startDeployment(open)
    issuer = new URL(nodes[0].at('live').issuer)
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
  })
})
