import { once } from 'node:events'
import { createServer } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import Koa from 'koa'
import { pino } from 'pino'
import { afterAll, describe, expect, test } from 'vitest'
import type { RequestState } from '../../server/http/context.ts'
import { answerFailures, createFailureOf } from '../../server/http/failures.ts'
import { sendLines } from '../../server/management/answer.ts'
import { StoreUnavailable } from '../../server/storage/state-store.ts'
import type { Logger } from '../../server/telemetry/log.ts'
import { noMetrics } from '../../server/telemetry/metrics.ts'

const LINE = `${JSON.stringify({ id: 'evt_1' })}\n`

/** A server that sends `lines`, and what it says of failures. */
async function serving(lines: () => AsyncGenerator<string>) {
  const said: unknown[] = []
  const log = pino({ level: 'error' }, { write: (line) => void said.push(JSON.parse(line).msg) }) as Logger
  const app = new Koa<RequestState>()
  app.silent = true
  app.use(answerFailures(createFailureOf({ log, metrics: noMetrics }), log))
  app.use((ctx) => sendLines(ctx, 'application/x-ndjson', lines()))
  const server = createServer(app.callback())
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  afterAll(() => void server.close().closeAllConnections())
  const { port } = server.address() as AddressInfo
  return { port, said, fetch: (method = 'GET') => fetch(`http://127.0.0.1:${port}`, { method }) }
}

describe('an answer of lines', () => {
  test('what fails before the first is an answer like any other', async () => {
    const { fetch } = await serving(async function* () {
      yield* []
      throw new StoreUnavailable('database', undefined)
    })
    const answer = await fetch()
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '2'])
    expect(await answer.json()).toMatchObject({ error: 'temporarily_unavailable' })
  })

  test('what fails in the middle breaks it off: nobody takes the beginning for all of it', async () => {
    const { fetch, said } = await serving(async function* () {
      yield LINE
      throw new Error('the store is away')
    })
    const answer = await fetch()
    expect(answer.status).toBe(200)
    await expect(answer.text()).rejects.toThrow()
    expect(said).toEqual(['an answer broke off'])
  })

  test('none at all is an empty answer', async () => {
    const answer = await (await serving(async function* () {})).fetch()
    expect([answer.status, await answer.text()]).toEqual([200, ''])
  })

  test('is read no faster than it is taken, and ended when its reader goes away', async () => {
    let made = 0
    let ended: () => void
    const end = new Promise<void>((resolve) => {
      ended = resolve
    })
    const { port, said } = await serving(async function* () {
      try {
        for (;;) {
          made += 1
          yield LINE.padStart(1_000)
        }
      } finally {
        ended()
      }
    })
    const socket = connect(port, '127.0.0.1')
    socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
    await once(socket, 'readable')
    await expect.poll(async () => (await settled(() => made)) === made).toBe(true)
    expect(made).toBeLessThan(100_000)
    socket.destroy()
    await end
    expect(said).toEqual([])
  })

  test('HEAD reads none but what it takes to know that there are some', async () => {
    let made = 0
    const { fetch } = await serving(async function* () {
      for (;;) {
        made += 1
        yield LINE
      }
    })
    const answer = await fetch('HEAD')
    expect([answer.status, await answer.text()]).toEqual([200, ''])
    expect(made).toBeLessThanOrEqual(1)
  })
})

/** What it is after some turns of the loop. */
async function settled(read: () => number): Promise<number> {
  for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve))
  return read()
}
