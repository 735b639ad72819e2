import { decodeJwt } from 'jose'
import { beforeAll, expect, test } from 'vitest'
import { FAILURES_PER_MINUTE } from '../../server/credentials/failure-limit.ts'
import { newPublicId, newStandardKey } from '../../server/credentials/format.ts'
import { describeDeployment } from '../deployments.ts'
import { LIVE, startPublicNode } from '../http/nodes.ts'
import { exchange, rawRequest, statusOf } from '../http/raw.ts'
import { challengeOf, createApp, type TestApp } from '../oauth/people.ts'
import { basic, startDeployment, type TestDeployment } from '../start.ts'

const FORGED = {
  'x-forwarded-host': 'evil.example',
  'x-forwarded-proto': 'http',
  'x-forwarded-port': '8443',
  'x-forwarded-prefix': '/evil.example',
  'x-forwarded-server': 'evil.example',
  'x-forwarded-scheme': 'http',
  'x-original-host': 'evil.example',
  'x-host': 'evil.example',
  'x-http-host-override': 'evil.example',
  forwarded: 'for=203.0.113.9;host=evil.example;proto=http',
  origin: 'https://evil.example',
  referer: 'https://evil.example/',
}

describeDeployment('database', 'a stranger who says what our host is', (open) => {
  let deployment: TestDeployment
  let port: number
  let app: TestApp

  beforeAll(async () => {
    deployment = await startDeployment(open)
    port = (await startPublicNode(deployment)).port
    app = await createApp(deployment.nodes[0].at('live'), deployment.made.live.api_key)
  })

  interface Sent {
    readonly authorization?: string
    readonly accept?: string
    readonly form?: Record<string, string>
  }

  async function send(line: string, { authorization, accept, form }: Sent = {}, forged: object = {}) {
    const body = form ? new URLSearchParams(form).toString() : ''
    const headers: Record<string, string> = {
      ...{ host: 'api.example.com', ...forged },
      ...(authorization && { authorization }),
      ...(accept && { accept }),
      ...(form && { 'content-type': 'application/x-www-form-urlencoded', 'content-length': `${body.length}` }),
    }
    const answer = await exchange(port, rawRequest(line, headers, body))
    const [head = '', ...rest] = answer.split('\r\n\r\n')
    return { status: statusOf(answer), head, text: rest.join('\r\n\r\n') }
  }

  const urlsIn = (text: string) => [...new Set(text.match(/https?:\/\/[^"/\s,;)<\\]+/g) ?? [])].sort()

  test('no answer of any endpoint takes it up: redirects, challenges, documents, pages, iss [attack 73]', async () => {
    const { live } = deployment.made
    const authorization = basic(live)
    const code = { response_type: 'code', client_id: app.client_id, redirect_uri: app.redirect_uris[0] as string }
    const pkce = { code_challenge: challengeOf('x'.repeat(43)), code_challenge_method: 'S256' }
    const query = new URLSearchParams({ ...code, ...pkce })
    const wrong = new URLSearchParams({ ...code, scope: 'nobody:knows', ...pkce })
    const requests: [string, Sent?][] = [
      ...['/.well-known/oauth-authorization-server', '/.well-known/openid-configuration', '/oauth/jwks'].map(
        (path): [string] => [`GET ${path}`],
      ),
      ...['/.well-known/oauth-protected-resource', '/v1/openapi.json', '/v1/postman.json', '/v1/reference'].map(
        (path): [string] => [`GET ${path}`],
      ),
      ['GET /v1/me'],
      ['GET /v1/me', { authorization: 'Bearer nonsense' }],
      ['GET /v1/me', { authorization: `Bearer ${live.api_key}` }],
      ['GET /account'],
      ['GET /nowhere'],
      ['GET /oauth/userinfo'],
      [`GET /oauth/authorize?${query}`],
      [`GET /oauth/authorize?${wrong}`],
      ['POST /oauth/par', { form: { ...code, ...pkce } }],
      ['POST /oauth/token', { form: { grant_type: 'client_credentials' }, authorization }],
      ['POST /oauth/token', { form: { grant_type: 'client_credentials' } }],
      ['POST /oauth/introspect', { form: { token: live.api_key }, authorization }],
    ]
    for (const [line, sent] of requests) {
      const [honest, forged] = [await send(line, sent), await send(line, sent, FORGED)]
      expect([line, forged.status]).toEqual([line, honest.status])
      expect(forged.status).toBeLessThan(500)
      expect(forged.head + forged.text, line).not.toContain('evil.example')
      expect([line, urlsIn(forged.head), urlsIn(forged.text)]).toEqual([line, urlsIn(honest.head), urlsIn(honest.text)])
    }
  })

  test('nor what is signed, nor where a token is good [attack 73]', async () => {
    const { live } = deployment.made
    const authorization = basic(live)
    const minted = await send(
      'POST /oauth/token',
      { form: { grant_type: 'client_credentials' }, authorization },
      FORGED,
    )
    const token = JSON.parse(minted.text).access_token
    const accept = 'application/token-introspection+jwt'
    const { text } = await send('POST /oauth/introspect', { form: { token }, authorization, accept }, FORGED)
    const { iss, token_introspection: about } = decodeJwt<{ token_introspection: Record<string, unknown> }>(text)
    expect([iss, about.iss, about.aud]).toEqual([LIVE, LIVE, LIVE])
  })

  // Whatever a proxy somewhere calls the client's address.
  const addressHeaders = (each: number): Record<string, string> => ({
    'x-forwarded-for': `2001:db8:${each}::1, 198.51.100.${each}`,
    'x-real-ip': `192.0.2.${each}`,
    'true-client-ip': `192.0.2.${each}`,
    'cf-connecting-ip': `192.0.2.${each}`,
    'fastly-client-ip': `192.0.2.${each}`,
    'x-client-ip': `192.0.2.${each}`,
    'x-cluster-client-ip': `192.0.2.${each}`,
    forwarded: `for="[2001:db8:${each}::1]"`,
  })

  test.each([
    ['POST /oauth/token', 'basic'],
    ['GET /v1/me', 'bearer'],
    ['POST /oauth/leaked', 'form'],
  ] as const)('a made-up address is no way out of the limit of failures: %s [attack 73]', async (line, by) => {
    const limit = FAILURES_PER_MINUTE.network
    const statuses: number[] = []
    for (let each = 0; each <= limit; each++) {
      const id = newPublicId()
      const text = newStandardKey('live', id)
      const client = { client_id: `tk_${id}`, client_secret: text.slice(-49) }
      const sent: Record<typeof by, Sent> = {
        basic: { form: { grant_type: 'client_credentials' }, authorization: basic(client) },
        bearer: { authorization: `Bearer ${text}` },
        form: { form: { token: text } },
      }
      const { status } = await send(line, sent[by], addressHeaders(each % 200))
      statuses.push(status)
      if (status === 429) break
    }
    expect(statuses.at(-1)).toBe(429)
    deployment.clock.advance(61_000)
  })
})
