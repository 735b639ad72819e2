import { once } from 'node:events'
import { get, request } from 'node:http'
import { text } from 'node:stream/consumers'
import { gzipSync } from 'node:zlib'
import { beforeAll, describe, expect, test } from 'vitest'
import type { Bootstrap } from '../../server/tenancy/bootstrap.ts'
import { basic, type Caller, callerAt, many } from '../command/caller.ts'
import { onCluster, portOf } from '../command/postgres.ts'
import { type Server, start } from '../command/process.ts'
import { connect, rawRequest } from '../http/raw.ts'
import { freePorts } from '../services/server-process.ts'

const MEGABYTE = 1024 * 1024
/** What a process may grow by and still be flat: its heap's own breathing, and what each open connection takes. */
const BREATH = 80 * MEGABYTE
const FORM = { 'content-type': 'application/x-www-form-urlencoded' }

describe('a process under bodies that nobody honest sends', () => {
  let server: Server
  let made: Bootstrap
  let caller: Caller
  let port: number
  let metricsPort: number

  beforeAll(async () => {
    const [free = 0] = await freePorts(1)
    metricsPort = free
    const environment = { ...(await onCluster()), KC_METRICS_PORT: String(metricsPort) }
    port = portOf(environment.KC_LIVE_URL)
    server = await start(environment)
    made = await server.bootstrap()
    caller = callerAt(port)
    // As warm as it gets: what is compiled and cached for ordinary requests is no growth.
    await many(300, () => caller.mint(made.live))
  })

  /** Resident, in bytes; the process says it of itself. */
  async function memory(): Promise<number> {
    const [response] = await once(get({ host: '127.0.0.1', port: metricsPort, path: '/metrics' }), 'response')
    return Number(/^process_resident_memory_bytes (\S+)/m.exec(await text(response))?.[1])
  }

  /** While the attack is on: it gives back what ends it. */
  async function expectFlat(attack: () => Promise<() => void>): Promise<void> {
    const before = await memory()
    expect(before).toBeGreaterThan(MEGABYTE)
    const end = await attack()
    expect(await memory()).toBeLessThan(before + BREATH)
    end()
    expect((await caller.token(made.live)).status).toBe(200)
  }
  const isOver = () => {}

  /** The status of the answer; `cut off` where the connection was closed on a body that nobody wants before it could be read. */
  function send(body: Buffer, headers: Record<string, string>): Promise<number | 'cut off'> {
    return new Promise((resolve, reject) => {
      const { host } = new URL(`http://localhost:${port}`)
      const own = { host, ...FORM, ...basic(made.live), ...headers }
      const call = request({
        host: '127.0.0.1',
        port,
        method: 'POST',
        path: '/oauth/token',
        headers: own,
        agent: false,
      })
      call.on('response', (response) => {
        response.resume()
        resolve(response.statusCode ?? 0)
      })
      call.on('error', (error: NodeJS.ErrnoException) => {
        // Once the answer has come, this comes too late to matter.
        if (error.code === 'EPIPE' || error.code === 'ECONNRESET') resolve('cut off')
        else reject(error)
      })
      call.end(body)
    })
  }

  test('two hundred of 2 MB at once, declared or in chunks: 413, and memory is flat [attack 25]', async () => {
    const body = Buffer.alloc(2 * MEGABYTE, 'a=b&')
    await expectFlat(async () => {
      const lengths = [{ 'transfer-encoding': 'chunked' }, { 'content-length': String(body.length) }]
      const all = Array.from({ length: 100 }, () => lengths.map((headers) => send(body, headers)))
      const statuses = await Promise.all(all.flat())
      expect(statuses).toContain(413)
      expect(statuses.filter((status) => status !== 413 && status !== 'cut off')).toEqual([])
      return isOver
    })
  })

  test('a hundred bombs, each of which would be 200 MB: 415, and memory is flat [attack 25]', async () => {
    const bomb = gzipSync(Buffer.alloc(200 * MEGABYTE), { level: 9 })
    await expectFlat(async () => {
      const statuses = await many(100, () => send(bomb, { 'content-encoding': 'gzip' }))
      expect(statuses).toContain(415)
      expect(statuses.filter((status) => status !== 415 && status !== 'cut off')).toEqual([])
      return isOver
    })
  })

  // That each is told 408 in the end test/http/limits.test.ts shows, with a limit that is worth waiting for.
  test('three hundred that never end: others are served meanwhile, and memory is flat [attack 25]', async () => {
    const { host } = new URL(`http://localhost:${port}`)
    const head = rawRequest('POST /oauth/token', { host, ...FORM, ...basic(made.live), 'transfer-encoding': 'chunked' })
    await expectFlat(async () => {
      const slow = await Promise.all(Array.from({ length: 300 }, () => connect(port)))
      for (const { socket } of slow) socket.write(`${head}8000\r\n${'a=b&'.repeat(0x2000)}\r\n4\r\na`)
      const served = await many(100, () => caller.token(made.live))
      expect(served.filter(({ status }) => status !== 200)).toEqual([])
      return () => {
        for (const { socket } of slow) socket.destroy()
      }
    })
  })
})
