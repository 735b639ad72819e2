import { describe, expect, test } from 'vitest'
import { createOutbound } from '../../server/outbound/outbound.ts'
import { dnsOf, origin, rawOrigin } from './origin.ts'

const outbound = createOutbound({ allow: ['127.0.0.1'] })
const deliver = ({ port }: { port: number }, more = {}) =>
  outbound.deliver(`http://127.0.0.1:${port}/a?b=c`, { body: '{"é":1}', headers: {}, timeout: 10_000, ...more })

describe('a message', () => {
  test('arrives to the byte, with the headers that are given and what this client says of itself', async () => {
    const bodies: Buffer[] = []
    const server = await origin(async (request, response) => {
      for await (const chunk of request) bodies.push(chunk)
      response.writeHead(204).end()
    })
    const headers = { 'webhook-id': 'a', 'user-agent': 'other', host: 'evil.example', 'content-length': '1' }
    expect(await deliver(server, { headers })).toEqual({ ok: true, status: 204 })
    expect(Buffer.concat(bodies).toString()).toBe('{"é":1}')
    expect(server.requests).toEqual([
      {
        url: '/a?b=c',
        headers: {
          ...{ 'webhook-id': 'a', 'user-agent': 'keycourt', accept: '*/*', 'accept-encoding': 'identity' },
          ...{ host: `127.0.0.1:${server.port}`, connection: 'close', 'content-length': '8' },
        },
      },
    ])
  })

  test.each([200, 201, 400, 410, 429, 500])(
    '%d is what the other side says, whatever comes with it',
    async (status) => {
      const server = await origin((_, response) => {
        response.writeHead(status, { 'content-type': 'text/html', 'content-encoding': 'gzip' })
        response.write('x'.repeat(1_000_000)) // and never ends
      })
      expect(await deliver(server)).toEqual({ ok: true, status })
      await server.left
    },
  )

  test.each([301, 302, 303, 307, 308])('%d is not followed', async (status) => {
    const trap = await origin((_, response) => response.end())
    const location = `http://127.0.0.1:${trap.port}/`
    const server = await origin((_, response) => response.writeHead(status, { location }).end())
    expect(await deliver(server)).toEqual({ ok: false, reason: 'redirected', detail: `${status}` })
    expect(trap.requests).toEqual([])
  })

  test('is broken off by who sent it, and at its deadline', async () => {
    const silent = await rawOrigin(() => {})
    expect(await deliver(silent, { timeout: 200 })).toEqual({ ok: false, reason: 'timed_out' })
    await silent.left
    const other = await rawOrigin(() => {})
    const controller = new AbortController()
    const sent = deliver(other, { signal: controller.signal })
    controller.abort()
    expect(await sent).toMatchObject({ ok: false, reason: 'unreachable' })
  })

  test('is sent once, though the other side hangs up', async () => {
    const server = await origin((request) => request.socket.destroy())
    expect(await deliver(server)).toMatchObject({ ok: false, reason: 'unreachable' })
    expect(server.requests).toHaveLength(1)
  })

  test('goes to no private address, whatever its name says the second time', async () => {
    const server = await origin((_, response) => response.end())
    const strict = createOutbound({ allow: [], resolvers: dnsOf(['127.0.0.1']) })
    const at = (url: string) => strict.deliver(url, { body: '{}', headers: {}, timeout: 10_000 })
    expect(await at(`http://127.0.0.1:${server.port}/`)).toMatchObject({ reason: 'not_https' })
    expect(await at(`https://127.0.0.1:${server.port}/`)).toMatchObject({ reason: 'forbidden_address' })
    expect(await at(`https://hooks.example:${server.port}/`)).toMatchObject({ reason: 'forbidden_address' })
    expect(server.requests).toEqual([])
  })
})
