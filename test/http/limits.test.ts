import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, describe, expect, test, vi } from 'vitest'
import { readBody } from '../../server/http/body.ts'
import { listen } from '../../server/http/listen.ts'
import { connect, exchange, rawRequest, statusOf } from './raw.ts'

/** Short enough to wait for: each test waits for the server to end the connection. */
const LIMITS = { headersTimeout: 150, requestTimeout: 300, keepAliveTimeout: 200, connectionsCheckingInterval: 20 }

const portOf = (address: string) => Number(address.split(':').at(-1))

/** A server that answers with what became of the body. */
async function echo() {
  const outcomes: string[] = []
  const listening = await listen(
    {
      async onRequest(request, response) {
        const body = await readBody(request, 1_000)
        outcomes.push(body.ok ? 'whole' : body.failure)
        response.end(JSON.stringify(body))
      },
    },
    0,
    '127.0.0.1',
    LIMITS,
  )
  afterAll(() => listening.close(0))
  return { port: portOf(listening.address), outcomes }
}

const HEAD = { host: 'x', 'content-length': '1000' }

describe('a client that takes its time is cut off', () => {
  test.each([
    ['nothing at all', '', [Number.NaN, 408]],
    ['half a request line', 'GET / HT', [408]],
    ['headers without end', 'GET / HTTP/1.1\r\nHost: x\r\nX-A: b\r\n', [408]],
    ['half a body', rawRequest('POST /', HEAD, 'half'), [408]],
    ['half a chunked body', rawRequest('POST /', { host: 'x', 'transfer-encoding': 'chunked' }, '5\r\nab'), [408]],
  ])('that sends %s [attack 25]', async (_, sent, statuses) => {
    const { port } = await echo()
    expect(statuses).toContain(statusOf(await exchange(port, sent)))
  })

  test('that sends a byte now and then [attack 25]', async () => {
    const { port, outcomes } = await echo()
    const { socket, answered } = await connect(port)
    socket.write(rawRequest('POST /', HEAD))
    const dripping = setInterval(() => socket.write('x'), 20)
    expect(statusOf(await answered)).toBe(408)
    clearInterval(dripping)
    await vi.waitFor(() => expect(outcomes).toEqual(['aborted']))
  })

  test('even if it never closes its own side', async () => {
    const { port } = await echo()
    const { socket, answered, closed } = await connect(port, { halfOpen: true })
    socket.write(rawRequest('POST /', HEAD, 'half'))
    await answered
    // What arrives at a connection that is gone is answered with a reset; what arrives at one that lingers is not.
    const dripping = setInterval(() => socket.write('x'), 20)
    await closed
    clearInterval(dripping)
  })
})

describe('too much', () => {
  test('of headers: 431 (RFC 6585 §5)', async () => {
    const { port } = await echo()
    for (const headers of [
      { host: 'x', 'x-long': 'x'.repeat(20_000) },
      { host: 'x', ...Object.fromEntries(Array.from({ length: 2000 }, (_, at) => [`x-${at}`, 'value'])) },
      { host: 'x', cookie: Array(500).fill('a=bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb') },
    ]) {
      expect(statusOf(await exchange(port, rawRequest('GET /', headers)))).toBe(431)
    }
    expect(statusOf(await exchange(port, rawRequest(`GET /${'x'.repeat(20_000)}`, { host: 'x' })))).toBe(431)
  })

  test('of a body: refused by its declared length, or when it has come [attack 25]', async () => {
    const { port, outcomes } = await echo()
    const declared = rawRequest('POST /', { host: 'x', 'content-length': '1001' }, 'x'.repeat(1001))
    const chunk = `3e9\r\n${'x'.repeat(1001)}\r\n`
    const chunked = rawRequest('POST /', { host: 'x', 'transfer-encoding': 'chunked' }, `${chunk}${chunk}0\r\n\r\n`)
    for (const request of [declared, chunked]) expect(await exchange(port, request)).toContain('too_large')
    const exactly = rawRequest('POST /', { host: 'x', 'content-length': '1000' }, 'x'.repeat(1000))
    expect(await exchange(port, exactly)).toContain('"ok":true')
    expect(outcomes).toEqual(['too_large', 'too_large', 'whole'])
  })

  test('a client that goes away in the middle is noticed', async () => {
    const arrived = Promise.withResolvers<void>()
    const outcome = Promise.withResolvers<unknown>()
    const server = createServer(async (request) => {
      arrived.resolve()
      outcome.resolve(await readBody(request, 1_000))
    }).listen(0, '127.0.0.1')
    afterAll(() => void server.close())
    await once(server, 'listening')
    const { socket } = await connect((server.address() as AddressInfo).port)
    socket.write(rawRequest('POST /', HEAD, 'half'))
    await arrived.promise
    socket.destroy()
    expect(await outcome.promise).toEqual({ ok: false, failure: 'aborted' })
  })
})

describe('what is no HTTP: 400, the connection closed, and nothing told', () => {
  test.each([
    ['garbage', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'],
    ['words', 'hello there\r\n\r\n'],
    ['a request without Host', 'GET / HTTP/1.1\r\n\r\n'],
    ['another protocol', 'SSH-2.0-OpenSSH_9.6\r\n'],
    ['HTTP/2 without negotiation', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
    ['a space in the header name', 'GET / HTTP/1.1\r\nHost : x\r\n\r\n'],
    ['a folded header', 'GET / HTTP/1.1\r\nHost: x\r\n y\r\nA: b\r\n\r\n'],
    ['NUL in a header', 'GET / HTTP/1.1\r\nHost: x\r\nA: \0\r\n\r\n'],
    ['two lengths', 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab'],
    [
      'a length and chunks',
      'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    ],
    ['a negative length', 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n'],
    ['an unknown transfer coding', 'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked, x\r\n\r\n'],
    ['a chunk of no size', 'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n\r\n'],
    ['a bare line feed', 'GET / HTTP/1.1\nHost: x\n\n'],
  ])('%s', async (_, sent) => {
    const { port } = await echo()
    const answer = await exchange(port, sent)
    expect([400, Number.NaN]).toContain(statusOf(answer))
    expect(answer).not.toMatch(/HPE_|parse|node|at .*\.(js|ts)/i)
    if (answer) expect(answer).toMatch(/\r\nconnection: close\r\n/i)
    expect(statusOf(await exchange(port, rawRequest('GET /', { host: 'x' })))).toBe(200)
  })
})
