import { describe, expect, test } from 'vitest'
import { systemClock } from '../../server/clock.ts'
import { openStorage, type Storage } from '../../server/storage/open.ts'
import { createLog } from '../../server/telemetry/log.ts'
import { forgeUnkeyed } from '../audit/forge.ts'
import { freePorts } from '../services/server-process.ts'
import { callerAt } from './caller.ts'
import { onCluster, onPostgres } from './postgres.ts'
import { type Environment, run, start, temporaryDirectory } from './process.ts'

const LIVE = 'https://api.example.com'
const MINTS = 60

const embedded = async (): Promise<Environment> => ({})

describe.each<[string, () => Promise<Environment>]>([
  ['embedded', embedded],
  ['PostgreSQL alone', onPostgres],
  ['PostgreSQL and Redis', onCluster],
])('keycourt audit verify, on %s', (deployment, stores) => {
  async function served() {
    const { KC_MASTER_KEY, DATABASE_URL, REDIS_URL } = await stores()
    const [port] = (await freePorts(1)) as [number]
    const environment = {
      ...{ KC_MASTER_KEY, DATABASE_URL, REDIS_URL, KC_DATA_DIR: await temporaryDirectory() },
      ...{
        KC_LIVE_URL: LIVE,
        KC_SANDBOX_URL: 'https://sandbox.example.com',
        KC_PORT: String(port),
        KC_HOST: '127.0.0.1',
      },
    }
    const server = await start(environment)
    return { environment, server, live: callerAt(port, LIVE), made: await server.bootstrap() }
  }

  /** The stores by themselves, as whoever can write to the database has them. */
  async function within<T>(
    { DATABASE_URL, REDIS_URL, KC_DATA_DIR }: Environment,
    work: (storage: Storage) => Promise<T>,
  ) {
    const settings = { databaseUrl: DATABASE_URL, redisUrl: REDIS_URL, dataDir: KC_DATA_DIR as string }
    const storage = await openStorage(settings, { clock: systemClock, log: createLog({ level: 'silent' }) })
    try {
      return await work(storage)
    } finally {
      await storage.close()
    }
  }

  test('after kill -9 under load no mint that was answered lacks its entry; whatever is altered is found [attack 80]', async () => {
    const { environment, server, live, made } = await served()
    const answered: string[] = []
    let killed = false
    const load = Array.from({ length: 10 }, async () => {
      while (!killed) {
        const answer = await live.token(made.live).catch(() => undefined)
        if (answer?.status !== 200) continue
        answered.push(answer.headers['x-request-id'] as string)
        if (answered.length === MINTS) {
          killed = true
          server.kill('SIGKILL')
        }
      }
    })
    await Promise.all(load)
    await server.ended

    const sound = await run(['audit', 'verify'], environment)
    expect([sound.code, sound.errors]).toEqual([0, ''])
    const lines = sound.output.trim().split('\n')
    expect(lines[0]).toMatch(/^default live: ok, \d+ entries, 1 to \d+, head \d+:[0-9a-f]{64}$/)
    expect(lines[1]).toMatch(/^default test: ok, 2 entries, 1 to 2, head 2:[0-9a-f]{64}$/)
    const head = /head (\S+)/.exec(lines[0] as string)?.[1] as string

    const chain = ['--tenant', 'default', '--mode', 'live']
    const verify = async (...more: string[]) => {
      const { code, output } = await run(['audit', 'verify', ...chain, ...more], environment)
      return [code, output.split('\n')[0]]
    }
    const scope = await within(environment, async ({ database }) => {
      const { id: tenantId } = await database.tenant.findFirstOrThrow()
      const minted = await database.auditEntry.findMany({ where: { mode: 'live', action: 'token.minted' } })
      const audited = new Set(minted.map(({ requestId }) => requestId))
      expect(answered.filter((id) => !audited.has(id))).toEqual([])
      expect(minted.length).toBe(new Set(minted.map(({ id }) => id)).size)
      expect(await database.pendingEvent.count()).toBe(0)
      return { tenantId, mode: 'live' as const }
    })
    const at = (seq: number) => ({ where: { tenantId_mode_seq: { ...scope, seq } } })

    await within(environment, ({ database }) => database.auditEntry.update({ ...at(7), data: { actorName: 'nobody' } }))
    expect(await verify()).toEqual([1, 'default live: WRONG at entry 7: it was altered; up to 6 it holds'])
    await within(environment, async ({ database }) => {
      await forgeUnkeyed(database, scope, 7)
    })
    expect(await verify('--allow-unkeyed')).toEqual([
      1,
      expect.stringMatching(/^default live: WRONG at entry 7: its hash has no key/),
    ])
    if (deployment === 'embedded') return // each look at it costs a start of PGlite; the rest is the same code
    await within(environment, async ({ database }) => {
      await database.auditEntry.deleteMany({ where: { ...scope, seq: { gte: 6 } } })
      const last = await database.auditEntry.findUniqueOrThrow(at(5))
      await database.auditHead.updateMany({ where: scope, data: { seq: 5, hash: last.hash } })
    })
    expect(await verify()).toEqual([0, expect.stringMatching(/^default live: ok, 5 entries/)])
    expect(await verify('--expect', head)).toEqual([1, expect.stringContaining('the newest were cut off')])
    await within(environment, async ({ database }) => {
      await database.auditEntry.delete(at(3))
    })
    expect(await verify()).toEqual([
      1,
      expect.stringMatching(/^default live: WRONG at entry 3: entries 3 to 3 are missing/),
    ])
  })
})

describe('keycourt audit verify', () => {
  test.each([
    [['--mode', 'both'], '--mode is "both"'],
    [['--expect', `3:${'0'.repeat(64)}`], '--expect is of one chain'],
    [['--tenant', 'x', '--mode', 'live', '--expect', '3'], '--expect wants SEQ:HASH'],
    [['--nonsense'], 'nonsense'],
  ])('%j is refused', async (args, said) => {
    const { code, errors } = await run(['audit', 'verify', ...args])
    expect([code, errors]).toEqual([2, expect.stringContaining(said)])
  })

  test('of a tenant that is none', async () => {
    const KC_DATA_DIR = await temporaryDirectory()
    const { code, errors } = await run(['audit', 'verify', '--tenant', 'nobody'], { KC_DATA_DIR })
    expect([code, errors]).toEqual([1, expect.stringContaining('There is no tenant "nobody"')])
  })
})
