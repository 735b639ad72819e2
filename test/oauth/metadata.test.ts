import { createLocalJWKSet } from 'jose'
import { beforeAll, describe, expect, test } from 'vitest'
import { describeDeployment } from '../deployments.ts'
import { type Caller, startDeployment } from '../start.ts'

const DOCUMENTS = ['/.well-known/oauth-authorization-server', '/.well-known/openid-configuration']

describeDeployment('database', 'metadata', (open) => {
  let live: Caller
  let sandbox: Caller

  beforeAll(async () => {
    const { nodes } = await startDeployment(open)
    live = nodes[0].at('live')
    sandbox = nodes[0].at('test')
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
          expect([400, 401, 405]).toContain(status)
        }
      }
    })

    test('§2: response_types_supported is REQUIRED; no grant is named that is not there', async () => {
      const { body } = await live.get(path)
      expect(body.response_types_supported).toEqual([])
      expect(body.grant_types_supported).toEqual(['client_credentials'])
    })

    test('§3.2: anyone may read it, from any origin, conditionally', async () => {
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
