import { gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { createOutbound } from '../../server/outbound/outbound.ts'
import { json, origin, rawOrigin } from './origin.ts'

const limits = { limit: 5_000, timeout: 10_000 }
const outbound = createOutbound({ allow: ['127.0.0.1'] })
const get = ({ port }: { port: number }, more = {}) =>
  outbound.getJson(`http://127.0.0.1:${port}/a?b=c`, { ...limits, ...more })

describe('a document', () => {
  test('comes with what says how long it may be kept (RFC 9111 §5)', async () => {
    const expires = 'Thu, 01 Dec 1994 16:00:00 GMT'
    const headers = { 'cache-control': 'max-age=60', age: '5', expires }
    expect(await get(await origin(json({ hello: ['wörld'] }, headers)))).toEqual({
      ok: true,
      value: { hello: ['wörld'] },
      headers: { cacheControl: 'max-age=60', age: '5', expires },
    })
  })

  test('is asked for without credentials, cookies or compression', async () => {
    const server = await origin(json({}, { 'set-cookie': 'a=b' }))
    await get(server)
    await get(server, { accept: 'application/jwk-set+json' })
    const host = `127.0.0.1:${server.port}`
    const sent = { 'accept-encoding': 'identity', 'user-agent': 'keycourt', host, connection: 'close' }
    expect(server.requests).toEqual([
      { url: '/a?b=c', headers: { accept: 'application/json', ...sent } },
      { url: '/a?b=c', headers: { accept: 'application/jwk-set+json', ...sent } },
    ])
  })

  test.each([
    'application/json;charset=utf-8',
    'APPLICATION/JSON',
    'application/jwk-set+json',
    'application/vnd.x+json ; a=b',
  ])('may be %s', async (type) => {
    expect(await get(await origin(json({}, { 'content-type': type })))).toMatchObject({ ok: true })
  })

  test.each([
    'text/html',
    'text/json',
    'application/jsonp',
    'application/+json',
    'x/application/json',
    'application/ld+jsonx',
    '',
  ])('may not be "%s"', async (type) => {
    expect(await get(await origin(json({}, { 'content-type': type })))).toEqual({ ok: false, reason: 'bad_type' })
  })

  test.each([
    ['HTML', '<!doctype html>'],
    ['nothing', ''],
    ['half of it', '{"a":'],
    ['UTF-16', Buffer.from('{}', 'utf16le')],
    ['RFC 8259 §8.1: broken UTF-8', Buffer.from([0x22, 0xc3, 0x28, 0x22])],
    ['RFC 8259 §8.1: a byte order mark', '\ufeff{}'],
    ['NaN', 'NaN'],
  ])('%s is malformed', async (_, body) => {
    expect(await get(await origin(json(body)))).toEqual({ ok: false, reason: 'malformed' })
  })
})

describe('what is no document', () => {
  test.each([301, 302, 303, 307, 308, 304])('%d is not followed', async (status) => {
    const trap = await origin(json({}))
    for (const location of ['http://169.254.169.254/latest/meta-data/', `http://127.0.0.1:${trap.port}/`]) {
      const server = await origin((_, response) => response.writeHead(status, { location }).end())
      expect(await get(server)).toEqual({ ok: false, reason: 'redirected', detail: `${status}` })
    }
    expect(trap.requests).toEqual([])
  })

  test.each([201, 204, 206, 400, 401, 404, 500, 503])('%d is no success', async (status) => {
    const server = await origin((_, response) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(),
    )
    expect(await get(server)).toEqual({ ok: false, reason: 'bad_status', detail: `${status}` })
    await server.left
  })

  test.each(['gzip', 'br', 'identity, gzip'])('%s is not inflated', async (encoding) => {
    const server = await origin(json(gzipSync('{}'), { 'content-encoding': encoding }))
    expect(await get(server)).toEqual({ ok: false, reason: 'encoded' })
    await server.left
  })

  test('a switch of protocols', async () => {
    const server = await rawOrigin((socket) =>
      socket.write('HTTP/1.1 101 Now\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n'),
    )
    expect(await get(server)).toMatchObject({ ok: false, reason: 'unreachable' })
    await server.left
  })

  test.each([
    '',
    'SSH-2.0-OpenSSH\r\n',
    'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{}',
  ])('a connection that ends with "%s"', async (text) => {
    const server = await rawOrigin((socket) => socket.once('data', () => socket.end(text)))
    expect(await get(server)).toMatchObject({ ok: false, reason: 'unreachable' })
  })

  test('nobody listens', async () => {
    const server = await rawOrigin((socket) => socket.destroy())
    expect(await get(server)).toMatchObject({ ok: false, reason: 'unreachable' })
    expect(await get({ port: 1 })).toEqual({ ok: false, reason: 'unreachable', detail: 'ECONNREFUSED' })
  })
})
