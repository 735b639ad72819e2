import { createLocalJWKSet } from 'jose'
import { beforeAll, describe, expect, test } from 'vitest'
import { describeDeployment } from '../deployments.ts'
import { type Caller, startDeployment, type TestDeployment } from '../start.ts'

const DOCUMENTS = ['/.well-known/oauth-authorization-server', '/.well-known/openid-configuration']

describeDeployment('database', 'metadata', (open) => {
  let deployment: TestDeployment
  let live: Caller
  let sandbox: Caller

  beforeAll(async () => {
    deployment = await startDeployment(open)
    live = deployment.nodes[0].at('live')
    sandbox = deployment.nodes[0].at('test')
  })

  describe.each(DOCUMENTS)('%s (RFC 8414)', (path) => {
    test("§2: names its own mode's issuer and endpoints, and each of them is there", async () => {
      for (const caller of [live, sandbox]) {
        const { status, body, headers } = await caller.get(path)
        expect([status, headers['content-type']]).toEqual([200, expect.stringMatching(/^application\/json/)])
        expect(body.issuer).toBe(caller.issuer)
        for (const [name, url] of Object.entries(body).filter(([name]) => /_(endpoint|uri)$/.test(name))) {
          expect(String(url).startsWith(`${caller.issuer}/`), name).toBe(true)
          const { status } = await caller.form(new URL(String(url)).pathname, '')
          expect([303, 400, 401, 405], name).toContain(status)
        }
      }
    })

    test('§2: response_types_supported is REQUIRED; no grant is named that is not there', async () => {
      const { body } = await live.get(path)
      expect(body.response_types_supported).toEqual(['code'])
      expect(body.grant_types_supported).toEqual([
        ...['client_credentials', 'authorization_code', 'refresh_token'],
        'urn:ietf:params:oauth:grant-type:token-exchange',
        'urn:ietf:params:oauth:grant-type:jwt-bearer',
      ])
      for (const grant_type of [...body.grant_types_supported, 'password', 'implicit']) {
        const { error } = (await live.token(deployment.made.live, { grant_type })).body
        const isThere = body.grant_types_supported.includes(grant_type)
        expect(error === 'unsupported_grant_type', grant_type).toBe(!isThere)
      }
    })

    test('OpenID Connect Discovery 1.0 §3: RS256 is among the algorithms of ID tokens', async () => {
      expect((await live.get(path)).body.id_token_signing_alg_values_supported).toContain('RS256')
    })

    test('RFC 9700 §2.1.1: says that PKCE is supported, and RFC 9207 §3: that responses name the issuer', async () => {
      const { body } = await live.get(path)
      expect(body.code_challenge_methods_supported).toEqual(['S256'])
      expect(body.authorization_response_iss_parameter_supported).toBe(true)
    })

    test('§3.2: anyone may read it, from any origin, conditionally [attack 74]', async () => {
      const { headers } = await live.get(path, { origin: 'null' })
      expect(headers['access-control-allow-origin']).toBe('*')
      expect(headers).not.toHaveProperty('access-control-allow-credentials')
      expect((await live.get(path, { 'if-none-match': headers.etag as string })).status).toBe(304)
    })
  })

  describe('/oauth/jwks (RFC 7517)', () => {
    test('one public key of each algorithm, a set of its own in each mode', async () => {
      const [ours, theirs] = await Promise.all([live.get('/oauth/jwks'), sandbox.get('/oauth/jwks')])
      for (const { body, headers } of [ours, theirs]) {
        expect(headers['content-type']).toBe('application/jwk-set+json')
        expect(headers['cache-control']).toBe('public, max-age=300')
        expect(body.keys.map(({ alg }: { alg: string }) => alg).sort()).toEqual(['ES256', 'EdDSA', 'RS256'])
        for (const key of body.keys) {
          for (const secret of ['d', 'p', 'q', 'dp', 'dq', 'qi', 'k', 'oth']) expect(key).not.toHaveProperty(secret)
        }
        createLocalJWKSet(body)
      }
      const kids = (answer: typeof ours) => answer.body.keys.map(({ kid }: { kid: string }) => kid)
      expect(kids(ours).filter((kid: string) => kids(theirs).includes(kid))).toEqual([])
    })

    test('an ETag that spares the transfer', async () => {
      const { headers } = await live.get('/oauth/jwks')
      const again = await live.get('/oauth/jwks', { 'if-none-match': headers.etag as string })
      expect([again.status, again.text]).toEqual([304, ''])
    })
  })
})
