import { describe, expect, test } from 'vitest'
import { createOutbound } from '../../server/outbound/outbound.ts'
import { dnsOf, json, origin, rawOrigin } from './origin.ts'

const limits = { limit: 1_000, timeout: 10_000, headers: {} }
const outbound = createOutbound({ allow: ['127.0.0.1'] })
const post = ({ port }: { port: number }, more = {}) =>
  outbound.postJson(`http://127.0.0.1:${port}/a?b=c`, { ...limits, ...more })

describe('a POST', () => {
  test('has an empty body, the headers that are given, and what this client says of itself', async () => {
    const methods: (string | undefined)[] = []
    const bodies: string[] = []
    const server = await origin(async (request, response) => {
      methods.push(request.method)
      for await (const chunk of request) bodies.push(String(chunk))
      json({ hello: 1 })(request, response)
    })
    const headers = { 'x-signed': 'a', 'user-agent': 'other', 'accept-encoding': 'gzip', accept: 'text/xml' }
    expect(await post(server, { headers })).toMatchObject({ ok: true, value: { hello: 1 } })
    expect([methods, bodies]).toEqual([['POST'], []])
    expect(server.requests).toEqual([
      {
        url: '/a?b=c',
        headers: {
          ...{ 'x-signed': 'a', 'user-agent': 'keycourt', 'accept-encoding': 'identity', accept: 'application/json' },
          ...{ host: `127.0.0.1:${server.port}`, connection: 'close', 'content-length': '0' },
        },
      },
    ])
  })

  test('RFC 9112 §6.3, RFC 9110 §7.2: nobody else says where it ends or whom it is for', async () => {
    const server = await origin(json({}))
    const headers = {
      host: 'evil.example',
      'content-length': '100',
      'transfer-encoding': 'chunked',
      connection: 'upgrade',
    }
    expect(await post(server, { headers })).toMatchObject({ ok: true })
    expect(server.requests[0]?.headers).toMatchObject({ host: `127.0.0.1:${server.port}`, 'content-length': '0' })
    expect(server.requests[0]?.headers).not.toHaveProperty('transfer-encoding')
  })

  test('a header with a line break is not sent', async () => {
    const server = await origin(json({}))
    expect(await post(server, { headers: { 'x-a': 'a\r\nx-b: c' } })).toMatchObject({
      ok: false,
      reason: 'unreachable',
    })
    expect(server.requests).toEqual([])
  })

  test.each([301, 302, 303, 307, 308])('%d is not followed', async (status) => {
    const trap = await origin(json({}))
    const location = `http://127.0.0.1:${trap.port}/`
    const server = await origin((_, response) => response.writeHead(status, { location }).end())
    expect(await post(server)).toEqual({ ok: false, reason: 'redirected', detail: `${status}` })
    expect(trap.requests).toEqual([])
  })

  test('is sent once, though the other side hangs up', async () => {
    const server = await origin((request) => request.socket.destroy())
    expect(await post(server)).toMatchObject({ ok: false, reason: 'unreachable' })
    expect(server.requests).toHaveLength(1)
  })

  test('is bounded as a GET is', async () => {
    expect(await post(await origin(json('x'.repeat(2_000))))).toEqual({ ok: false, reason: 'too_large' })
    expect(await post(await origin(json('<a/>', { 'content-type': 'text/xml' })))).toEqual({
      ok: false,
      reason: 'bad_type',
    })
    const silent = await rawOrigin(() => {})
    expect(await post(silent, { timeout: 200 })).toEqual({ ok: false, reason: 'timed_out' })
    await silent.left
  })

  test('goes to no private address', async () => {
    const server = await origin(json({}))
    const strict = createOutbound({ allow: [], resolvers: dnsOf(['127.0.0.1']) })
    const at = (url: string) => strict.postJson(url, limits)
    expect(await at(`http://127.0.0.1:${server.port}/`)).toMatchObject({ reason: 'not_https' })
    expect(await at(`https://127.0.0.1:${server.port}/`)).toMatchObject({ reason: 'forbidden_address' })
    expect(await at(`https://sts.us-east-1.amazonaws.com:${server.port}/`)).toMatchObject({
      reason: 'forbidden_address',
    })
    expect(server.requests).toEqual([])
  })
})
