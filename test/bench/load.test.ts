import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, describe, expect, test } from 'vitest'
import { fixedRate } from '../../bench/load/fixed-rate.ts'
import { QUEUES } from '../../bench/load/queues.ts'
import { get, postForm } from '../../bench/load/request.ts'
import { sendAll } from '../../bench/load/send-all.ts'
import { readOptions } from '../../bench/options.ts'

async function serve(listener: RequestListener): Promise<number> {
  const server = createServer(listener).listen(0, '127.0.0.1')
  afterAll(() => void server.close().closeAllConnections())
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

const answer = (status: number, body = ''): RequestListener => {
  return (_, response) => response.writeHead(status, { 'content-length': body.length }).end(body)
}

describe('requests at a fixed rate', () => {
  const at = (port: number) => ({ port, queue: QUEUES.requests([get('localhost', '/')]) })

  test('are all sent, and refusals are counted', async () => {
    let asked = 0
    const port = await serve((request, response) => answer(asked++ % 4 ? 200 : 429)(request, response))
    const found = await fixedRate({ ...at(port), perSecond: 400, seconds: 0.1 })
    expect(asked).toBe(40)
    expect(found.errors).toBe(10)
    expect(found.max).toBeGreaterThanOrEqual(found.p99)
    expect(found.p99).toBeGreaterThanOrEqual(found.p50)
  })

  test('wait from the moment at which they are due, not from when a connection was free', async () => {
    const held: (() => void)[] = []
    let asked = 0
    // A slow server: more are due than there are connections by the time that it answers the first.
    const port = await serve((request, response) => {
      held.push(() => answer(200)(request, response))
      if (++asked === 64) setTimeout(() => held.splice(0).map((go) => go()), 100)
      else if (asked > 64) held.splice(0).map((go) => go())
    })
    const { p99, errors } = await fixedRate({ ...at(port), perSecond: 2_000, seconds: 0.05 })
    expect(errors).toBe(0)
    expect(p99).toBeGreaterThan(80_000)
  })
})

describe('a chain of refresh tokens', () => {
  const token = (family: string, nth: number) => `kr_live_${family.padEnd(16, 'x')}${nth}`
  const request = (family: string, nth: number) =>
    postForm('localhost', '/', { grant_type: 'refresh_token', refresh_token: token(family, nth) }, { Client: family })

  test('spends each once, and its successor with the headers of the same client', () => {
    const queue = QUEUES.refreshes([request('a', 1), request('b', 1)])
    expect(queue.next()).toBe(request('a', 1))
    queue.answered?.({ status: 200, head: '', body: JSON.stringify({ refresh_token: token('a', 2) }) })
    expect(queue.next()).toBe(request('b', 1))
    expect(queue.next()).toBe(request('a', 2))
  })

  test('ends where there was no answer', () => {
    const queue = QUEUES.refreshes([request('a', 1), request('b', 1)])
    queue.next()
    queue.answered?.({ status: 400, head: '', body: '{"error":"invalid_grant"}' })
    expect(queue.next()).toBe(request('b', 1))
  })
})

describe('requests to make ready', () => {
  test('are answered in the order asked', async () => {
    const port = await serve((request, response) => answer(200, request.url)(request, response))
    const paths = Array.from({ length: 200 }, (_, each) => `/${each}`)
    const answers = await sendAll(
      port,
      paths.map((path) => get('localhost', path)),
    )
    expect(answers.map(({ body }) => body)).toEqual(paths)
  })

  test('fail at the first that is no success', async () => {
    const port = await serve((request, response) => answer(request.url === '/7' ? 503 : 200)(request, response))
    const all = Array.from({ length: 20 }, (_, each) => get('localhost', `/${each}`))
    await expect(sendAll(port, all)).rejects.toThrow('503')
  })
})

describe('the settings of a run', () => {
  const names = ['mint', 'introspect']

  test('measure everything, with one process and two, unless they say what', () => {
    expect(readOptions({}, names)).toMatchObject({ only: undefined, processes: [1, 2], rounds: 5, clients: 10_000 })
    expect(readOptions({}, names).against).toEqual(['floor', 'default-floor', 'signature', 'oidc-provider'])
    const quick = readOptions({ BENCH_ONLY: 'mint,introspect' }, names)
    expect(quick).toMatchObject({ only: names, processes: [1], against: ['floor'] })
  })

  test('say what is wrong with them', () => {
    expect(() => readOptions({ BENCH_ONLY: 'mint,nothing' }, names)).toThrow(/BENCH_ONLY names "nothing".*mint/)
    expect(() => readOptions({ BENCH_ROUNDS: '0.5' }, names)).toThrow('BENCH_ROUNDS')
  })
})
