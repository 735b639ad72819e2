import { describe, expect, test } from 'vitest'
import { createOutbound } from '../../server/outbound/outbound.ts'
import { json, origin, rawOrigin } from './origin.ts'

const limits = { limit: 5_000, timeout: 15_000 }
const outbound = createOutbound({ allow: ['127.0.0.1'] })
const get = ({ port }: { port: number }, more = {}) =>
  outbound.getJson(`http://127.0.0.1:${port}/`, { ...limits, ...more })
const tooLarge = { ok: false, reason: 'too_large' }
const timedOut = { ok: false, reason: 'timed_out' }

/** A JSON string that is this many bytes long, though half as many characters. */
const documentOf = (bytes: number) => `"${'ä'.repeat((bytes - 2) / 2)}"`

describe('size', () => {
  test('is counted in bytes', async () => {
    expect(await get(await origin(json(documentOf(5_000))))).toMatchObject({ ok: true })
    expect(await get(await origin(json(documentOf(5_002))))).toEqual(tooLarge)
  })

  test('is counted in chunks without a length as well', async () => {
    const chunked = (text: string) =>
      origin((_, response) => {
        response.writeHead(200, { 'content-type': 'application/json', 'transfer-encoding': 'chunked' })
        response.write(text.slice(0, 1_000))
        response.end(text.slice(1_000))
      })
    expect(await get(await chunked(documentOf(5_000)))).toMatchObject({ ok: true })
    expect(await get(await chunked(documentOf(5_002)))).toEqual(tooLarge)
  })

  test('10 MB, announced: none of it is awaited', async () => {
    const server = await origin((_, response) => {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': '10000000' }).flushHeaders()
    })
    expect(await get(server)).toEqual(tooLarge)
    await server.left
  })

  test('an endless stream is left', async () => {
    const chunk = Buffer.alloc(64 * 1024, ' ')
    const server = await origin((_, response) => {
      const more = () => {
        while (!response.destroyed && response.write(chunk));
      }
      response.writeHead(200, { 'content-type': 'application/json' }).on('drain', more)
      more()
    })
    expect(await get(server)).toEqual(tooLarge)
    await server.left
  })

  test('endless headers are left', async () => {
    const server = await rawOrigin((socket) => {
      const more = () => {
        while (!socket.destroyed && socket.write(`x: ${'y'.repeat(1_000)}\r\n`));
      }
      socket.write('HTTP/1.1 200 OK\r\n')
      socket.on('drain', more)
      more()
    })
    expect(await get(server)).toEqual({ ...tooLarge, detail: 'HPE_HEADER_OVERFLOW' })
    await server.left
  })
})

describe('time', () => {
  const soon = { timeout: 200 }
  const begun = 'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 10\r\n'

  test.each([
    ['says nothing', ''],
    ['never ends its headers', begun],
    ['never ends its body', `${begun}\r\n{`],
  ])('a server that %s is left', async (_, text) => {
    const server = await rawOrigin((socket) => socket.write(text))
    expect(await get(server, soon)).toEqual(timedOut)
    await server.left
  })

  test('a server that always says a little more is left', async () => {
    const server = await rawOrigin((socket) => {
      const drip = () =>
        void socket.write('HTTP/1.1 100 Continue\r\n\r\n', () => setImmediate(() => !socket.destroyed && drip()))
      drip()
    })
    expect(await get(server, soon)).toEqual(timedOut)
    await server.left
  })

  test('a server that never shakes hands is left', async () => {
    const server = await rawOrigin(() => {})
    const fetched = outbound.getJson(`https://127.0.0.1:${server.port}/`, { ...limits, ...soon })
    expect(await fetched).toEqual(timedOut)
    await server.left
  })

  test('a name that is never answered is given up', async () => {
    const never = () => new Promise<never>(() => {})
    const patient = createOutbound({ allow: [], resolvers: { ours: never, anybodys: never } })
    expect(await patient.getJson('https://origin.test/', { ...limits, ...soon })).toEqual(timedOut)
  })
})
