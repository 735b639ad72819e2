import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { beforeAll, describe, expect, test } from 'vitest'
import { describeDeployment } from '../deployments.ts'
import { type Caller, startDeployment, type TestDeployment } from '../start.ts'
import { expectProblem } from './problem.ts'

describeDeployment('cluster', 'credentials of the management API', (open) => {
  let deployment: TestDeployment
  let live: Caller
  const credentials = {} as Record<'standard' | 'enterprise' | 'service_token' | 'access_token', string>

  beforeAll(async () => {
    deployment = await startDeployment(open)
    live = deployment.nodes[0].at('live')
    const key = deployment.made.live.api_key
    const expires_at = '2099-01-01T00:00:00Z'
    const scopes = ['api-keys:read']
    const enterprise = { kind: 'enterprise', name: 'enterprise', scopes, expires_at }
    const user = await live.api('POST', '/v1/service-users', key, { name: 'robot', role: 'viewer' })
    const token = await live.api('POST', `/v1/service-users/${user.body.id}/tokens`, key, { name: 'one' })
    credentials.standard = key
    credentials.enterprise = (await live.api('POST', '/v1/api-keys', key, enterprise)).body.api_key
    credentials.service_token = token.body.service_token
    credentials.access_token = (await live.token(deployment.made.live)).body.access_token
  })

  const presenting = (headers: Record<string, string>) => live.get('/v1/me', headers)

  describe.each([
    ['standard', /^tk_live_/, { type: 'api_key', id: expect.stringMatching(/^key_/), name: 'Bootstrap key' }],
    ['enterprise', /^AKE[A-Z2-7]{12}_/, { type: 'api_key', id: expect.stringMatching(/^key_/), name: 'enterprise' }],
    [
      'service_token',
      /^st_live_/,
      { type: 'service_token', id: expect.stringMatching(/^svt_/), name: expect.stringContaining('robot') },
    ],
    ['access_token', /^kc_live_/, { type: 'access_token', id: expect.stringMatching(/^tok_/), name: 'Bootstrap key' }],
  ] as const)('%s', (kind, form, credential) => {
    test('by Bearer and by x-api-key, and /v1/me says who it is', async () => {
      expect(credentials[kind]).toMatch(form)
      for (const headers of [
        { authorization: `Bearer ${credentials[kind]}` },
        { 'x-api-key': credentials[kind] },
      ] as Record<string, string>[]) {
        const { status, body } = await presenting(headers)
        expect(status).toBe(200)
        expect(body).toMatchObject({ credential, mode: 'live', tenant: { name: 'default', plan: 'enterprise' } })
      }
    })

    test('RFC 9110 §11.1: the scheme in any case', async () => {
      for (const scheme of ['bearer', 'BEARER', 'bEaReR']) {
        expect((await presenting({ authorization: `${scheme} ${credentials[kind]}` })).status).toBe(200)
      }
    })

    test('RFC 6750 §2: not by two methods in one request, even if they are the same', async () => {
      const headers = { authorization: `Bearer ${credentials[kind]}`, 'x-api-key': credentials[kind] }
      expectProblem(await presenting(headers), 401, 'invalid_api_key')
    })

    test('RFC 9449 §7.1: what is not bound does not go with the DPoP scheme', async () => {
      expectProblem(await presenting({ authorization: `DPoP ${credentials[kind]}` }), 401, 'invalid_api_key')
    })

    test.each(['', 'Basic ', 'Token ', 'Bearer', 'Bearer Bearer ', 'Bearer x '])('not after %j', async (before) => {
      expectProblem(await presenting({ authorization: before + credentials[kind] }), 401, 'invalid_api_key')
    })

    test('not in the query (RFC 9700 §4.3.2), a cookie or a body [attack 13]', async () => {
      const text = credentials[kind]
      expectProblem(await live.get(`/v1/me?access_token=${text}&api_key=${text}`), 401, 'authentication_required')
      expectProblem(await presenting({ cookie: `authorization=${text}` }), 401, 'authentication_required')
      const body = { kind: 'standard', name: 'x', api_key: text, access_token: text }
      expectProblem(await live.api('POST', '/v1/api-keys', undefined, body), 401, 'authentication_required')
    })

    test('not shortened, extended, in another letter case, or twice [attack 6]', async () => {
      const text = credentials[kind]
      for (const wrong of [text.slice(0, -1), `${text}0`, text.toUpperCase(), text.toLowerCase(), `${text},${text}`]) {
        expectProblem(await presenting({ authorization: `Bearer ${wrong}` }), 401, 'invalid_api_key')
        expectProblem(await presenting({ 'x-api-key': wrong }), 401, 'invalid_api_key')
      }
    })
  })

  test('a public key, a client_id, a client_secret: none is a credential', async () => {
    const { api_key, client_id, client_secret } = deployment.made.live
    const made = await live.api('POST', '/v1/api-keys', api_key, { kind: 'public', name: 'web' })
    for (const text of [made.body.api_key, client_id, client_secret, '']) {
      expectProblem(await presenting({ 'x-api-key': text }), 401, 'invalid_api_key')
    }
  })

  test('a service token is no OAuth client', async () => {
    const [, mode, id, secret] = credentials.service_token.split('_') as [string, string, string, string]
    for (const client_id of [`st_${mode}_${id}`, `st_${id}`, `tk_${id}`]) {
      expect((await live.token({ client_id, client_secret: secret })).body.error).toBe('invalid_client')
    }
  })

  test('a key with require_dpop is no bearer credential', async () => {
    const body = { kind: 'standard', name: 'bound', require_dpop: true }
    const { api_key } = (await live.api('POST', '/v1/api-keys', credentials.standard, body)).body
    const response = await presenting({ authorization: `Bearer ${api_key}` })
    expect(response.status).toBe(401)
    expect(response.headers['www-authenticate']).toMatch(/^DPoP /)
  })

  test('an access token has the scopes that it was minted with, and no more', async () => {
    const { access_token } = (await live.token(deployment.made.live, { scope: 'api-keys:read' })).body
    expect((await live.api('GET', '/v1/api-keys', access_token)).status).toBe(200)
    const response = await live.api('GET', '/v1/service-users', access_token)
    expectProblem(response, 403, 'insufficient_scope', { scope: 'service-users:read' })
  })

  test('a body that arrives slowly does not outlive the credential that came before it', async () => {
    const made = await live.api('POST', '/v1/api-keys', credentials.standard, { kind: 'standard', name: 'slow' })
    const { hostname, port } = new URL(live.issuer)
    const body = JSON.stringify({ name: 'too late', role: 'viewer' })
    const headers = { authorization: `Bearer ${made.body.api_key}`, 'content-type': 'application/json' }
    const sending = request({ hostname, port, method: 'POST', path: '/v1/service-users', headers })
    const answered = once(sending, 'response') as Promise<[IncomingMessage]>
    sending.write(body.slice(0, 10))
    // That the connection is there and its first bytes are on the way, the answers to others tell.
    expect((await live.api('GET', '/v1/me', made.body.api_key)).status).toBe(200)
    expect((await live.api('DELETE', `/v1/api-keys/${made.body.id}`, credentials.standard)).status).toBe(204)
    sending.end(body.slice(10))
    const [answer] = await answered
    expect(answer.statusCode).toBe(401)
    answer.resume()
  })
})
