import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import pg from 'pg'
import { beforeAll, describe, expect, test } from 'vitest'
import type { Bootstrap } from '../../server/tenancy/bootstrap.ts'
import { freePorts } from '../services/server-process.ts'
import { type Caller, callerAt } from './caller.ts'
import { onCluster, portOf } from './postgres.ts'
import { LISTENING, run, type Server, start } from './process.ts'

describe('KC_WORKERS=2 on PostgreSQL and Redis', () => {
  let environment: Record<string, string>
  let metricsPort: number
  let server: Server
  let made: Bootstrap
  /** A connection per request: connections are what the workers take turns at. */
  let caller: Caller

  beforeAll(async () => {
    metricsPort = (await freePorts(1))[0] as number
    environment = {
      ...(await onCluster()),
      KC_WORKERS: '2',
      KC_METRICS_PORT: String(metricsPort),
      KC_LOG_LEVEL: 'debug',
    }
    const port = portOf(environment.KC_LIVE_URL as string)
    server = await start(environment, { listeners: 2 })
    made = await server.bootstrap()
    caller = callerAt(port, undefined, { keepAlive: false })
  })

  const lines = (msg: string): { pid: number }[] =>
    (server.output().match(new RegExp(`^\\{.*"msg":"${msg}"\\}$`, 'gm')) ?? []).map((line) => JSON.parse(line))
  const pidsOf = (msg: string) => [...new Set(lines(msg).map(({ pid }) => pid))]
  let minted = 0
  /** Until the log has a line for each. */
  async function mint(count: number): Promise<void> {
    for (let at = 0; at < count; at++) await caller.mint(made.live)
    minted += count
    await server.printed(/"msg":"request"/, minted)
  }
  const isAlive = (pid: number) => {
    try {
      return process.kill(pid, 0)
    } catch {
      return false
    }
  }

  test('bootstraps once, and says so once', async () => {
    expect(server.output().match(/Keycourt is running/g)).toHaveLength(1)
    expect(server.output().match(/bootstrap\.json/g)).toHaveLength(1)
    expect(JSON.parse(await readFile(join(server.dataDir, 'bootstrap.json'), 'utf8'))).toEqual(made)
    const client = new pg.Client({ connectionString: environment.DATABASE_URL })
    await client.connect()
    expect((await client.query('SELECT count(*)::int FROM tenant')).rows).toEqual([{ count: 1 }])
    await client.end()
  })

  test('both serve', async () => {
    await mint(10)
    expect(pidsOf('request').sort()).toEqual(pidsOf('listening').sort())
    expect(pidsOf('listening')).toHaveLength(2)
    expect(pidsOf('listening')).not.toContain(server.pid)
  })

  test('their metrics are one sum, whichever is asked', async () => {
    const metrics = callerAt(metricsPort, undefined, { keepAlive: false })
    for (let at = 0; at < 4; at++) {
      const { text } = await metrics.send('GET', '/metrics')
      expect(text).toMatch(/^keycourt_tokens_minted_total\{mode="live",grant="client_credentials"\} 10$/m)
    }
  })

  test('one that is killed is replaced, and the other serves meanwhile', async () => {
    const [victim, survivor] = pidsOf('listening') as [number, number]
    process.kill(victim, 'SIGKILL')
    await server.printed(/"msg":"a worker ended; another takes its place"/)
    await mint(1)
    expect(lines('request').at(-1)?.pid).toBe(survivor)
    await server.printed(LISTENING, 3)
    await mint(10)
    const replacement = pidsOf('listening').at(-1) as number
    expect([victim, survivor, server.pid]).not.toContain(replacement)
    expect(pidsOf('request')).toContain(replacement)
  })

  test('SIGTERM ends all of them, with 0', async () => {
    server.kill('SIGTERM')
    await server.printed(/"msg":"stopping"/)
    server.kill('SIGINT')
    expect(await server.ended).toBe(0)
    expect(pidsOf('listening').filter(isAlive)).toEqual([])
    expect(server.errors()).toBe('')
  })

  test('kill -9 of the first process leaves none behind', async () => {
    const doomed = await start({ ...environment, KC_METRICS_PORT: '' }, { listeners: 2 })
    doomed.kill('SIGKILL')
    // `ended` waits for the end of all that hold its standard output.
    expect(await doomed.ended).toBe('SIGKILL')
  })
})

test('workers that can’t start end the start', async () => {
  const environment = { ...(await onCluster()), KC_WORKERS: '2' }
  const server = await start(environment, { listeners: 2 })
  server.kill('SIGTERM')
  expect(await server.ended).toBe(0)
  // Migrated and bootstrapped under another master key: nothing opens, in any worker.
  const { code, output, errors } = await run(['start'], {
    ...environment,
    KC_MASTER_KEY: Buffer.alloc(32, 8).toString('base64url'),
    KC_DATA_DIR: server.dataDir,
  })
  expect(code).toBe(1)
  expect(output).not.toContain('Keycourt is running')
  expect(errors).toMatch(/^keycourt: What is sealed for signing key .*Add that key to KC_MASTER_KEY, after a comma\.$/m)
})
