import * as oauth from 'oauth4webapi'
import * as client from 'openid-client'
import { beforeAll, describe, expect, test } from 'vitest'
import { BUILT_IN_SCOPES } from '../../server/tenancy/scopes.ts'
import { describeDeployment } from '../deployments.ts'
import { ath, createProver } from '../oauth/prover.ts'
import { type Caller, type Key, startDeployment, type TestDeployment } from '../start.ts'
import { expectProblem } from './problem.ts'

const PATH = '/.well-known/oauth-protected-resource'

describeDeployment('database', 'the management API as a protected resource', (open) => {
  let deployment: TestDeployment
  let live: Caller
  let key: Key & { api_key: string }
  const metadataOf = (caller: Caller) => `resource_metadata="${caller.issuer}${PATH}"`

  beforeAll(async () => {
    deployment = await startDeployment(open)
    live = deployment.nodes[0].at('live')
    key = deployment.made.live
  })

  describe('its metadata (RFC 9728)', () => {
    test("§2, §3.2: names its own mode's issuer as the resource and as its authorization server", async () => {
      for (const caller of [live, deployment.nodes[0].at('test')]) {
        const { status, body, headers } = await caller.get(PATH)
        expect([status, headers['content-type']]).toEqual([200, expect.stringMatching(/^application\/json/)])
        const server = (await caller.get('/.well-known/oauth-authorization-server')).body
        expect(body).toEqual({
          resource: caller.issuer,
          resource_name: expect.stringMatching(/./),
          authorization_servers: [server.issuer],
          scopes_supported: BUILT_IN_SCOPES,
          bearer_methods_supported: ['header'],
          dpop_signing_alg_values_supported: server.dpop_signing_alg_values_supported,
          dpop_bound_access_tokens_required: false,
        })
      }
    })

    test('§3.3, §5: a client finds it from a challenge, and from it the authorization server', async () => {
      const { headers } = await live.get('/v1/me')
      const [, url = ''] = /resource_metadata="([^"]+)"/.exec(headers['www-authenticate'] as string) ?? []
      const insecure = { [oauth.allowInsecureRequests]: true }
      const resource = new URL(live.issuer)
      const response = await oauth.resourceDiscoveryRequest(resource, insecure)
      const found = await oauth.processResourceDiscoveryResponse(resource, response)
      expect([response.url, found.authorization_servers]).toEqual([url, [live.issuer]])
    })

    test('§3.1: anyone may read it, from any origin, conditionally', async () => {
      const { headers } = await live.get(PATH, { origin: 'null' })
      expect(headers['access-control-allow-origin']).toBe('*')
      expect(headers['cache-control']).toBe('public, max-age=3600')
      expect((await live.get(PATH, { 'if-none-match': headers.etag as string })).status).toBe(304)
    })
  })

  describe('its challenges', () => {
    const challengeOf = async (headers: Record<string, string>) => {
      const response = await live.get('/v1/api-keys', headers)
      return { response, challenge: response.headers['www-authenticate'] as string }
    }

    test('RFC 6750 §3.1, RFC 9728 §5.1: without a credential both schemes are offered, and no error', async () => {
      const { response, challenge } = await challengeOf({})
      expectProblem(response, 401, 'authentication_required')
      const metadata = metadataOf(live)
      expect(challenge).toBe(
        `Bearer realm="Keycourt", ${metadata}, DPoP realm="Keycourt", algs="ES256 EdDSA Ed25519 PS256", ${metadata}`,
      )
    })

    test('RFC 6750 §3.1: a refused credential is answered in the scheme that it came with', async () => {
      const { access_token } = (await live.token(key)).body
      const sent: [string, Record<string, string>][] = [
        ['Bearer', { authorization: 'Bearer nonsense' }],
        ['Bearer', { authorization: 'Basic eDp5' }],
        ['Bearer', { 'x-api-key': 'nonsense' }],
        ['DPoP', { authorization: 'DPoP nonsense' }],
        ['DPoP', { authorization: 'dpop' }],
        ['DPoP', { authorization: `DPOP ${access_token.slice(0, -1)}` }],
      ]
      for (const [scheme, headers] of sent) {
        const { response, challenge } = await challengeOf(headers)
        expectProblem(response, 401, 'invalid_api_key')
        expect(challenge).toMatch(new RegExp(`^${scheme} realm="Keycourt", error="invalid_token", `))
        expect(challenge).toContain(metadataOf(live))
        expect(challenge).not.toContain('nonsense')
      }
    })

    test('RFC 6750 §3.1: insufficient_scope names the scope, with either scheme', async () => {
      const scope = 'service-users:read'
      const narrow = (await live.token(key, { scope })).body.access_token
      const bearer = await challengeOf({ authorization: `Bearer ${narrow}` })
      expectProblem(bearer.response, 403, 'insufficient_scope', { scope: 'api-keys:read' })
      expect(bearer.challenge).toBe(
        `Bearer realm="Keycourt", error="insufficient_scope", scope="api-keys:read", ${metadataOf(live)}`,
      )
      const prover = await createProver(deployment.clock.now)
      const dpop = await prover.prove('POST', `${live.issuer}/oauth/token`)
      const bound = (await live.token(key, { scope }, { dpop })).body.access_token
      const proof = await prover.prove('GET', `${live.issuer}/v1/api-keys`, { ath: ath(bound) })
      const { response, challenge } = await challengeOf({ authorization: `DPoP ${bound}`, dpop: proof })
      expect(response.status).toBe(403)
      expect(challenge).toMatch(/^DPoP realm="Keycourt", error="insufficient_scope", scope="api-keys:read", algs="/)
    })

    test('a credential that gives more than it holds is told the same', async () => {
      const { access_token } = (await live.token(key, { scope: 'api-keys:write' })).body
      const wanted = { kind: 'standard', name: 'more', scopes: ['members:write'] }
      const { status, headers } = await live.api('POST', '/v1/api-keys', access_token, wanted)
      expect(status).toBe(403)
      expect(headers['www-authenticate']).toContain('error="insufficient_scope", scope="members:write"')
    })
  })

  test('RFC 9449 §8, §9: a client library whose clock is an hour behind gets in, by our nonce', async () => {
    deployment.clock.advance(3_600_000)
    const { client_id, client_secret } = key
    const configuration = await client.discovery(
      new URL(live.issuer),
      client_id,
      undefined,
      client.ClientSecretBasic(client_secret),
      { algorithm: 'oauth2', execute: [client.allowInsecureRequests] },
    )
    const DPoP = client.getDPoPHandle(configuration, await client.randomDPoPKeyPair('ES256'))
    const { access_token } = await client.clientCredentialsGrant(configuration, {}, { DPoP })
    const me = new URL('/v1/me', live.issuer)
    const more = [me, 'GET', null, undefined, { DPoP }] as const
    for (let call = 0; call < 2; call++) {
      expect((await client.fetchProtectedResource(configuration, access_token, ...more)).status).toBe(200)
    }
  })
})
