import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { newAccessToken, newClientRef } from '../../server/credentials/format.ts'
import { listen } from '../../server/http/listen.ts'
import { describeDeployment } from '../deployments.ts'
import { plainRequest } from '../oauth/parity-requests.ts'
import { basic, type Caller, type Key, startDeployment, type TestDeployment } from '../start.ts'
import { startPublicNode } from './nodes.ts'
import { exchange, rawRequest, statusOf } from './raw.ts'

/** With a query a request isn't plainly for the endpoint: Koa has it then, and is what the quicker ways are compared with. */
const BY_KOA = '?by=koa'

/** A name that some take for another: Node's parser has the request then. */
const BY_NODE = { x_by: 'node' }

describeDeployment('database', 'the direct way to an endpoint answers as Koa does', (open) => {
  let deployment: TestDeployment
  let caller: Caller
  let key: Key
  let texts: readonly string[]

  beforeAll(async () => {
    deployment = await startDeployment(open)
    caller = deployment.nodes[0].at('live')
    key = deployment.made.live
    const { access_token } = (await caller.token(key)).body
    const { access_token: dead } = (await caller.token(key)).body
    await caller.revoke(key, dead)
    const stranger = newAccessToken('live', newClientRef())
    texts = [access_token, dead, stranger, deployment.made.live.api_key, access_token.slice(0, -1), 'x', '', '\0', 'é']
  })

  async function answer(path: string, form: string, headers: Record<string, string>) {
    const { status, body, text, headers: all } = await caller.form(path, form, headers)
    const { date: _, 'x-request-id': requestId, ...rest } = all
    expect(requestId).toMatch(/^req_\w{20}$/)
    // A token is another each time, and so is an ECDSA signature; each of the same length.
    const same =
      'access_token' in body ? { ...body, access_token: 'kc' } : text.replace(/^(eyJ[\w-]+\.[\w-]+)\.[\w-]+$/, '$1')
    return { status, headers: rest, body: same }
  }

  async function expectAlike(path: string, form: string, headers: Record<string, string>): Promise<number> {
    const [plain, direct, byKoa] = await Promise.all([
      answer(path, form, headers),
      answer(path, form, { ...headers, ...BY_NODE }),
      answer(path + BY_KOA, form, headers),
    ])
    expect(plain, `${form} ${JSON.stringify(headers)}`).toEqual(byKoa)
    expect(direct, `${form} ${JSON.stringify(headers)}`).toEqual(byKoa)
    return plain.status
  }

  const filled = (text: string): string =>
    text
      .replaceAll('ISSUER', caller.issuer)
      .replaceAll('CLIENT_ID', key.client_id)
      .replaceAll('CLIENT_SECRET', key.client_secret)

  const authorizationOf = (text: string | undefined) =>
    text === undefined ? {} : { authorization: text === 'basic' ? basic(key) : text }

  const header = fc.constantFrom<Record<string, string>>(
    ...[
      {},
      {},
      {},
      { accept: '*/*' },
      { accept: 'application/token-introspection+jwt' },
      { origin: 'https://a.example' },
    ],
    ...[{ dpop: 'x' }, { dpop: '' }, { 'content-type': 'application/json' }, { 'content-encoding': 'gzip' }],
    ...[{ 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' }, { 'x-request-id': 'chosen-by-me' }],
    ...[{ 'x-forwarded-for': '192.0.2.1' }, { 'x-forwarded-host': 'evil.example' }],
    ...[{ 'user-agent': 'x'.repeat(2_000) }, { cookie: 'a=b' }, { 'x-http-method-override': 'GET' }],
  )

  test('for a thousand token requests, good and bad', async () => {
    const statuses = new Set<number>()
    const sent = fc.tuple(plainRequest, header)
    const property = fc.asyncProperty(sent, async ([{ form, authorization }, headers]) => {
      statuses.add(await expectAlike('/oauth/token', filled(form), { ...authorizationOf(authorization), ...headers }))
    })
    await fc.assert(property, { numRuns: 1_000 })
    expect([...statuses].sort()).toEqual([200, 400, 401, 415])
  }, 120_000)

  test('for a thousand introspections, good and bad', async () => {
    const statuses = new Set<number>()
    const authorization = fc.constantFrom('basic', 'basic', undefined, 'Basic !', 'Basic eDp5', 'Bearer x')
    const more = fc.constantFrom('', '&token_type_hint=x', '&token=twice', '&client_id=CLIENT_ID', '&a=b')
    const text = fc.oneof(fc.nat(8), fc.string({ unit: 'binary' }))
    const property = fc.asyncProperty(text, more, authorization, header, async (which, also, who, headers) => {
      const token = typeof which === 'number' ? (texts[which] as string) : which
      const form = `token=${encodeURIComponent(token.toWellFormed())}${filled(also)}`
      statuses.add(await expectAlike('/oauth/introspect', form, { ...authorizationOf(who), ...headers }))
    })
    await fc.assert(property, { numRuns: 1_000 })
    expect([...statuses].sort()).toEqual([200, 400, 401, 415])
  }, 120_000)

  describe('at its public host', () => {
    const form = 'grant_type=client_credentials'
    let port: number
    let behindProxy: number

    beforeAll(async () => {
      port = (await startPublicNode(deployment)).port
      behindProxy = (await startPublicNode(deployment, { trustProxy: true })).port
    })

    async function statuses(at: number, headers: Record<string, string | string[]>, body = form) {
      const fields = {
        ...{ host: 'api.example.com', authorization: basic(key), 'content-length': String(body.length) },
        ...{ 'content-type': 'application/x-www-form-urlencoded', ...headers },
      }
      const send = (path: string, more = {}) => exchange(at, rawRequest(`POST ${path}`, { ...fields, ...more }, body))
      const [plain, direct, byKoa] = (
        await Promise.all([send('/oauth/token'), send('/oauth/token', BY_NODE), send(`/oauth/token${BY_KOA}`)])
      ).map(statusOf)
      expect(direct).toBe(byKoa)
      return [plain, byKoa]
    }

    test('each request goes the way that it is to go', async () => {
      const { node } = await startPublicNode(deployment)
      const ways: string[] = []
      const { onRequest, onPlain } = node.listener
      const listening = await listen(
        {
          onRequest(request, response) {
            ways.push('node')
            return onRequest(request, response)
          },
          onPlain(request, ip) {
            const answering = onPlain?.(request, ip)
            if (answering) ways.push('plain')
            return answering
          },
        },
        0,
        '127.0.0.1',
      )
      afterAll(() => listening.close(0))
      const at = Number(listening.address.split(':').at(-1))
      expect(await statuses(at, {})).toEqual([200, 200])
      expect(ways.sort()).toEqual(['node', 'node', 'plain'])
    })

    test.each<[string, Record<string, string | string[]>, number]>([
      ['itself', {}, 200],
      ['other letters', { host: 'API.example.com' }, 200],
      ['of test mode', { host: 'sandbox.example.com' }, 401],
      ['of nobody', { host: 'evil.example' }, 421],
      ['with a path', { host: 'api.example.com /oauth/token' }, 421],
      ['twice', { host: ['api.example.com', 'evil.example'] }, 400],
      ['named by a proxy that nobody trusts', { 'x-forwarded-host': 'evil.example' }, 200],
      [
        'none, but named by a proxy that nobody trusts',
        { host: 'a.example', 'x-forwarded-host': 'api.example.com' },
        421,
      ],
    ])('%s', async (_, headers, status) => {
      expect(await statuses(port, headers)).toEqual([status, status])
    })

    test.each<[string, Record<string, string | string[]>, number]>([
      ['by the proxy', { host: '10.0.0.1', 'x-forwarded-host': 'api.example.com' }, 200],
      ['by two proxies', { host: '10.0.0.1', 'x-forwarded-host': 'api.example.com, 10.0.0.2' }, 200],
      ['wrongly', { 'x-forwarded-host': 'evil.example' }, 421],
      ['by itself', {}, 200],
      ['with addresses', { 'x-forwarded-for': '192.0.2.1, 198.51.100.1' }, 200],
    ])('behind a trusted proxy: named %s', async (_, headers, status) => {
      expect(await statuses(behindProxy, headers)).toEqual([status, status])
    })

    test('a body that is too large, or in chunks, or without end', async () => {
      expect(await statuses(port, {}, `${form}&x=${'y'.repeat(100_000)}`)).toEqual([413, 413])
      const chunked = `${form.length.toString(16)}\r\n${form}\r\n0\r\n\r\n`
      expect(await statuses(port, { 'transfer-encoding': 'chunked', 'content-length': [] }, chunked)).toEqual([
        200, 200,
      ])
    })
  })
})
