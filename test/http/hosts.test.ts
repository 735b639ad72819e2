import { beforeAll, describe, expect, test } from 'vitest'
import { describeDeployment } from '../deployments.ts'
import { startDeployment, type TestDeployment } from '../start.ts'
import { LIVE, SANDBOX, startPublicNode } from './nodes.ts'
import { exchange, rawRequest, statusOf } from './raw.ts'

const METADATA = '/.well-known/oauth-authorization-server'

describeDeployment('database', 'hosts', (open) => {
  let deployment: TestDeployment
  let port: number
  let behindProxy: number

  beforeAll(async () => {
    deployment = await startDeployment(open)
    port = (await startPublicNode(deployment)).port
    behindProxy = (await startPublicNode(deployment, { trustProxy: true })).port
  })

  const get = (path: string, headers: Record<string, string | string[]>, at = port) =>
    exchange(at, rawRequest(`GET ${path}`, headers))
  const bodyOf = (answer: string) => JSON.parse(answer.slice(answer.indexOf('\r\n\r\n') + 4))

  test.each([
    ['api.example.com', LIVE],
    ['API.Example.COM', LIVE],
    ['sandbox.example.com', SANDBOX],
  ])('%s is %s', async (host, issuer) => {
    const { issuer: told, ...urls } = bodyOf(await get(METADATA, { host }))
    expect(told).toBe(issuer)
    const all = JSON.stringify(urls).match(/https?:\/\/[^"/]+/g) ?? []
    expect(all.length).toBeGreaterThan(3)
    expect(new Set(all)).toEqual(new Set([issuer]))
  })

  test.each([
    ...['evil.example', 'api.example.com.evil.example', 'xapi.example.com', 'api.example.com:8443', 'localhost', ''],
    ...['127.0.0.1', '[::1]', '[::1', 'a b', '@', 'a@', '%', '../..', '*', 'api.example.com/', 'api.example.com.'],
    ...['api.example.com#', 'xn--pi-1ja.example.com', ':443', 'api.example.com:', "'"],
  ])('%j is none of ours: 421 (RFC 9110 §15.5.20), whatever is asked [attack 73]', async (host) => {
    for (const path of [METADATA, '/oauth/jwks', '/v1/me', '/', '/nowhere']) {
      const answer = await get(path, { host })
      expect(statusOf(answer)).toBe(421)
      expect(answer).toMatch(/content-type: application\/problem\+json/i)
      expect(bodyOf(answer)).toMatchObject({ status: 421, error: 'misdirected_request' })
      if (host.length > 4) expect(answer).not.toContain(host)
    }
  })

  test('RFC 9112 §3.2: two Host headers are refused', async () => {
    const answer = await get(METADATA, { host: ['evil.example', 'api.example.com'] })
    expect(statusOf(answer)).toBe(400)
  })

  test('without a Host at all (HTTP/1.0)', async () => {
    expect(statusOf(await exchange(port, `GET ${METADATA} HTTP/1.0\r\n\r\n`))).toBe(421)
  })

  describe('with no proxy trusted', () => {
    const FORGED = {
      'x-forwarded-host': 'evil.example',
      'x-forwarded-proto': 'http',
      'x-forwarded-port': '8443',
      'x-forwarded-for': '203.0.113.9',
      'x-real-ip': '203.0.113.9',
      forwarded: 'for=203.0.113.9;host=evil.example;proto=http',
      'x-original-host': 'evil.example',
      'x-host': 'evil.example',
      'x-original-url': '/v1/me',
      'x-rewrite-url': '/v1/me',
      'x-request-id': 'chosen-by-a-stranger',
      'x-http-method-override': 'DELETE',
    }

    test('what a stranger says about the host changes no document [attack 73, 74]', async () => {
      for (const path of [METADATA, '/.well-known/openid-configuration', '/oauth/jwks']) {
        const honest = await get(path, { host: 'api.example.com' })
        const forged = await get(path, { host: 'api.example.com', ...FORGED })
        expect(bodyOf(forged)).toEqual(bodyOf(honest))
        expect(forged).not.toContain('evil.example')
      }
      expect(statusOf(await get(METADATA, { host: 'evil.example', 'x-forwarded-host': 'api.example.com' }))).toBe(421)
    })

    test('nor the address or request id that is audited [attack 73]', async () => {
      const body = JSON.stringify({ kind: 'standard', name: 'forged' })
      const answer = await exchange(
        port,
        rawRequest(
          'POST /v1/api-keys',
          {
            ...{ host: 'api.example.com', ...FORGED, authorization: `Bearer ${deployment.made.live.api_key}` },
            ...{ 'content-type': 'application/json', 'content-length': String(body.length) },
          },
          body,
        ),
      )
      expect(statusOf(answer)).toBe(201)
      const { id } = bodyOf(answer)
      const entry = await deployment.storage.database.auditEntry.findFirstOrThrow({ where: { targetId: id } })
      expect(entry.ip).toBe('127.0.0.1')
      expect(entry.requestId).toMatch(/^req_[0-9A-Za-z]{20}$/)
      expect(answer).toContain(`X-Request-Id: ${entry.requestId}`)
    })
  })

  describe('behind a trusted proxy', () => {
    test('its host chooses the mode, and the documents still name the issuer', async () => {
      const headers = { host: '10.0.0.7:3000', 'x-forwarded-host': 'sandbox.example.com', 'x-forwarded-proto': 'https' }
      expect(bodyOf(await get(METADATA, headers, behindProxy)).issuer).toBe(SANDBOX)
      const unknown = { host: 'api.example.com', 'x-forwarded-host': 'evil.example' }
      expect(statusOf(await get(METADATA, unknown, behindProxy))).toBe(421)
    })

    test('of several addresses only the last is believed: the client wrote the others [attack 73]', async () => {
      const key = deployment.made.live.api_key
      const body = '{"kind":"public","name":"p"}'
      const headers = {
        ...{ host: 'api.example.com', authorization: `Bearer ${key}`, 'content-type': 'application/json' },
        ...{ 'content-length': String(body.length), 'x-forwarded-for': '1.1.1.1, 203.0.113.9' },
      }
      const answer = await exchange(behindProxy, rawRequest('POST /v1/api-keys', headers, body))
      const targetId = bodyOf(answer).id
      const entry = await deployment.storage.database.auditEntry.findFirstOrThrow({ where: { targetId } })
      expect(entry.ip).toBe('203.0.113.9')
    })

    test('its request id is taken over, unless it could be something else', async () => {
      const idFor = async (id: string) => {
        const answer = await get('/livez', { host: 'x', 'x-request-id': id }, behindProxy)
        return /x-request-id: (.*)\r\n/i.exec(answer)?.[1]
      }
      expect(await idFor('4bf92f35-77b3-4da6')).toBe('4bf92f35-77b3-4da6')
      const { api_key, client_secret } = deployment.made.live
      for (const id of [
        'short',
        'with space',
        '"><script>',
        'x'.repeat(200),
        '',
        api_key,
        client_secret,
        `id:${api_key}`,
      ]) {
        expect(await idFor(id)).toMatch(/^req_[0-9A-Za-z]{20}$/)
      }
    })
  })
})
