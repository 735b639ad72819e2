import { beforeAll, expect, test } from 'vitest'
import { describeDeployment } from '../deployments.ts'
import { LIVE, startPublicNode } from '../http/nodes.ts'
import { exchange, rawRequest, statusOf } from '../http/raw.ts'
import { startDeployment, type TestDeployment } from '../start.ts'

const DOCUMENTS = [
  '/.well-known/oauth-authorization-server',
  '/.well-known/openid-configuration',
  '/.well-known/oauth-protected-resource',
  '/oauth/jwks',
]

describeDeployment('database', 'metadata in strange hands', (open) => {
  let deployment: TestDeployment
  let port: number

  beforeAll(async () => {
    deployment = await startDeployment(open)
    port = (await startPublicNode(deployment)).port
  })

  async function send(line: string, headers: Record<string, string> = {}) {
    const answer = await exchange(port, rawRequest(line, { host: 'api.example.com', ...headers }))
    const [head = '', text = ''] = answer.split(/\r\n\r\n(.*)/s)
    const lines = head.split('\r\n').slice(1)
    const named = lines.map((each): [string, string] => {
      const colon = each.indexOf(':')
      return [each.slice(0, colon).toLowerCase(), each.slice(colon + 1).trim()]
    })
    return { status: statusOf(answer), headers: Object.fromEntries(named) as Record<string, string>, text }
  }

  // RFC 8414 §3.1 and RFC 9728 §3.1: with a path in the issuer it goes behind `.well-known`. Ours has none, so those are
  // nobody's: a document there would name an issuer that its reader did not ask for.
  test.each(DOCUMENTS.slice(0, 3))(
    '%s of an issuer with a path is not found, on any way there [attack 74]',
    async (at) => {
      const issuer = at === DOCUMENTS[2] ? 'resource' : 'issuer'
      const { text } = await send(`GET ${at}`)
      expect(JSON.parse(text)[issuer]).toBe(LIVE)
      const paths = [
        ...[`${at}/tenant`, `${at}/oauth`, `${at}/v1`, `${at}/`, `${at}//`, `/tenant${at}`, `/oauth${at}`, `/v1${at}`],
        ...[
          `${at}/..%2f..`,
          `${at}%2ftenant`,
          `${at}%00`,
          `${at};tenant`,
          `//evil.example${at}`,
          `/.${at}`,
          `/x/..${at}`,
        ],
        ...[at.toUpperCase(), at.replace('well-known', 'Well-Known'), at.replace('-known', '%2dknown')],
      ]
      for (const path of paths) {
        const { status, text } = await send(`GET ${path}`)
        expect([path, status]).toEqual([path, expect.toSatisfy((given) => [400, 401, 404].includes(given))])
        expect(text).not.toContain('_endpoint')
      }
    },
  )

  test.each(DOCUMENTS)('%s is the same whoever asks, so that no cache is poisoned [attack 74]', async (at) => {
    const plain = await send(`GET ${at}`)
    const odd: [string, Record<string, string>][] = [
      [`GET ${at}?issuer=https://evil.example&callback=evil`, {}],
      [`GET ${at}?`, {}],
      [`GET ${at}`, { 'x-forwarded-host': 'evil.example', 'x-forwarded-proto': 'http', 'x-forwarded-prefix': '/evil' }],
      [`GET ${at}`, { 'accept-language': 'evil', accept: 'text/html', 'user-agent': 'evil', cookie: 'a=evil' }],
      [`GET ${at}`, { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' }],
      [`GET ${at}`, { origin: 'null' }],
      [`GET ${at}`, { authorization: `Bearer ${deployment.made.live.api_key}` }],
      [`GET ${at}`, { 'x-http-method-override': 'DELETE', 'x-original-url': '/v1/me', 'x-rewrite-url': '/v1/me' }],
      [`GET ${at}`, { 'if-none-match': 'W/"evil"', range: 'bytes=0-3' }],
      [`GET http://api.example.com${at}`, {}],
    ]
    for (const [line, headers] of odd) {
      const answer = await send(line, headers)
      expect([line, answer.status, answer.text]).toEqual([line, 200, plain.text])
      for (const name of ['etag', 'cache-control', 'content-type', 'vary', 'access-control-allow-origin']) {
        expect([name, answer.headers[name]]).toEqual([name, plain.headers[name]])
      }
    }
    // What is asked of another host, at the same path, is never ours under its name.
    expect(JSON.parse((await send(`GET ${at}`, { host: 'sandbox.example.com' })).text)).not.toEqual(
      JSON.parse(plain.text),
    )
    expect((await send(`GET https://evil.example${at}`)).text).not.toContain('evil.example')
  })

  test.each(DOCUMENTS)(
    '%s by HEAD and OPTIONS, from a null origin: no credentials, nothing set [attack 74]',
    async (at) => {
      const { text, ...get } = await send(`GET ${at}`, { origin: 'null' })
      const head = await send(`HEAD ${at}`, { origin: 'null' })
      expect([head.status, head.text]).toEqual([200, ''])
      for (const name of ['etag', 'cache-control', 'content-type', 'access-control-allow-origin']) {
        expect(head.headers[name]).toBe(get.headers[name])
      }
      expect(get.headers['content-length']).toBe(`${Buffer.byteLength(text)}`)
      const asks = { 'access-control-request-method': 'GET', 'access-control-request-headers': 'authorization' }
      const preflight = await send(`OPTIONS ${at}`, { origin: 'null', ...asks })
      expect(preflight.status).toBe(405)
      for (const { headers } of [get, head, preflight]) {
        expect(headers['access-control-allow-origin'] ?? '*').toBe('*')
        expect(headers).not.toHaveProperty('access-control-allow-credentials')
        expect(headers).not.toHaveProperty('set-cookie')
      }
      for (const method of ['POST', 'PUT', 'DELETE', 'TRACE', 'PROPFIND']) {
        const { status, headers } = await send(`${method} ${at}`, { 'content-length': '0' })
        expect([method, status]).toEqual([method, expect.toSatisfy((given) => given === 405 || given === 501)])
        expect(headers).not.toHaveProperty('access-control-allow-credentials')
      }
    },
  )
})
