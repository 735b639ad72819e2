import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Bootstrap } from '../../server/tenancy/bootstrap.ts'
import { basic } from './caller.ts'
import { onPostgres, portOf } from './postgres.ts'
import { type Server, start } from './process.ts'

/** A raw connection: it sends what it is told, when it is told. */
async function opened(port: number) {
  const socket = connect(port, '127.0.0.1')
  sockets.push(socket)
  let received = ''
  socket.setEncoding('utf8').on('data', (chunk: string) => {
    received += chunk
  })
  await once(socket, 'connect')
  const ended = once(socket, 'close')
  return { socket, received: () => received, ended }
}

const sockets: Socket[] = []
afterAll(() => {
  for (const socket of sockets) socket.destroy()
})

describe('SIGTERM', () => {
  let server: Server
  let made: Bootstrap
  let port: number

  beforeAll(async () => {
    const environment = await onPostgres()
    server = await start(environment)
    made = await server.bootstrap()
    port = portOf(environment.KC_LIVE_URL)
  })

  test('lets a request in flight finish, refuses new connections, and ends with 0', async () => {
    const form = 'grant_type=client_credentials'
    const head = [
      'POST /oauth/token HTTP/1.1',
      `Host: localhost:${port}`,
      `Authorization: ${basic(made.live).authorization}`,
      'Content-Type: application/x-www-form-urlencoded',
      `Content-Length: ${form.length}`,
    ].join('\r\n')
    const slow = await opened(port)
    slow.socket.write(`${head}\r\n\r\n${form.slice(0, 10)}`)
    // Of those that want nothing now, one has asked something and one never has.
    const idle = await opened(port)
    idle.socket.write(`GET /oauth/jwks HTTP/1.1\r\nHost: localhost:${port}\r\n\r\n`)
    await once(idle.socket, 'data')
    const silent = await opened(port)

    server.kill('SIGTERM')
    await server.printed(/"msg":"stopping"/)
    await Promise.all([idle.ended, silent.ended])
    await expect(opened(port)).rejects.toThrow('ECONNREFUSED')
    // Ctrl-C comes twice or thrice; none of them hurries.
    server.kill('SIGINT')
    server.kill('SIGTERM')

    const began = performance.now()
    slow.socket.write(form.slice(10))
    expect(await server.ended).toBe(0)
    await slow.ended
    expect(slow.received()).toMatch(/^HTTP\/1\.1 200 OK\r\n/)
    expect(slow.received()).toMatch(/"access_token":"kc_live_\w+"/)
    // RFC 9112 §9.6: the client is told not to send another.
    expect(slow.received()).toMatch(/\r\nconnection: close\r\n/i)
    // Far less than the patience of 10 s that a request in flight is given.
    expect(performance.now() - began).toBeLessThan(4_000)
    expect(server.errors()).toBe('')
  })
})

test('SIGINT ends it as well', async () => {
  const server = await start(await onPostgres())
  server.kill('SIGINT')
  expect(await server.ended).toBe(0)
  expect(server.output()).toContain('"reason":"SIGINT"')
})
