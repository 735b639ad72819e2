import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { access, chmod, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { messages, PGlite } from '@electric-sql/pglite'
import { pino } from 'pino'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { systemClock } from '../../server/clock.ts'
import { inTransaction, openEmbedded } from '../../server/storage/database.ts'
import { openEmbeddedDatabase } from '../../server/storage/embedded.ts'
import { openStorage } from '../../server/storage/open.ts'
import { StoreUnavailable } from '../../server/storage/state-store.ts'
import { createTestDataDir, type TestDirectory } from '../services/spaces.ts'

const directories: TestDirectory[] = []
const children: ReturnType<typeof startWriter>[] = []

afterEach(async () => {
  await Promise.all(children.splice(0).map((child) => child.kill()))
  await Promise.all(directories.splice(0).map((directory) => directory.remove()))
})

async function dataDir(options?: { empty: boolean }): Promise<string> {
  const directory = await createTestDataDir(options)
  directories.push(directory)
  return directory.path
}

/** Another process on the same directory; see embedded-writer.ts. */
function startWriter(path: string) {
  const script = join(import.meta.dirname, 'embedded-writer.ts')
  const child = spawn(process.execPath, [script, path], { stdio: ['ignore', 'pipe', 'inherit'] })
  const lines: string[] = []
  createInterface({ input: child.stdout }).on('line', (line) => lines.push(line))
  const gone = once(child, 'close')
  return {
    lines,
    wrote: (count: number) =>
      vi.waitFor(() => expect(lines.length).toBeGreaterThan(count), { timeout: 20_000, interval: 5 }),
    async kill(signal: NodeJS.Signals = 'SIGKILL') {
      child.kill(signal)
      await gone
    },
  }
}

function writer(path: string) {
  const child = startWriter(path)
  children.push(child)
  return child
}

async function reopened(path: string) {
  const settings = { databaseUrl: undefined, redisUrl: undefined, dataDir: path }
  return openStorage(settings, { clock: systemClock, log: pino({ level: 'silent' }) })
}

describe('the directory', () => {
  test('is made, for its owner only', async () => {
    const path = join(await dataDir({ empty: true }), 'deep', 'down')
    const { pglite, release } = await openEmbeddedDatabase(path)
    expect((await stat(path)).mode & 0o777).toBe(0o700)
    expect((await pglite.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
    await pglite.close()
    await release()
  })

  test('is closed to others although it was open to them', async () => {
    const path = await dataDir()
    await chmod(path, 0o755)
    const { pglite, release } = await openEmbeddedDatabase(path)
    expect((await stat(path)).mode & 0o777).toBe(0o700)
    await pglite.close()
    await release()
  })
})

describe('the time zone', () => {
  test('is UTC, wherever the machine is', async () => {
    vi.stubEnv('TZ', 'Asia/Kolkata')
    const storage = await reopened(await dataDir())
    vi.unstubAllEnvs()
    const [row] = await storage.database.$queryRaw<{ at: Date; zone: string }[]>`
      SELECT ${new Date(1_800_000_000_000)}::timestamptz AS at, current_setting('TimeZone') AS zone`
    expect(row).toEqual({ at: new Date(1_800_000_000_000), zone: 'UTC' })
    await storage.close()
  })
})

describe('the lock', () => {
  test('keeps a second process out, with a sentence', async () => {
    const path = await dataDir()
    const owner = writer(path)
    await owner.wrote(0)
    await expect(openEmbeddedDatabase(path, { patience: 200 })).rejects.toThrow(
      `The data directory ${path} is in use by another Keycourt process; stop it first.`,
    )
  })

  test('keeps a second opening in the same process out as well', async () => {
    const path = await dataDir()
    const { pglite, release } = await openEmbeddedDatabase(path)
    await expect(openEmbeddedDatabase(path, { patience: 0 })).rejects.toThrow('is in use')
    await pglite.close()
    await release()
    const again = await openEmbeddedDatabase(path, { patience: 0 })
    await again.pglite.close()
    await again.release()
  })

  test('waits for an owner that is shutting down', async () => {
    const path = await dataDir()
    const owner = writer(path)
    await owner.wrote(0)
    const waiting = reopened(path)
    await owner.kill('SIGTERM')
    const storage = await waiting
    await storage.ping()
    await storage.close()
  })

  test('of several that wait for a dead owner one gets in at a time', async () => {
    const path = await dataDir()
    const owner = writer(path)
    await owner.wrote(0)
    const heirs = [writer(path), writer(path)]
    await owner.kill()
    await vi.waitFor(() => expect(heirs.some(({ lines }) => lines.length > 10)).toBe(true), { timeout: 20_000 })
    expect(heirs.filter(({ lines }) => lines.length > 0)).toHaveLength(1)
  })
})

const MB = 2 ** 20

/** On a disk that is as full as one says, with a log of what PostgreSQL was asked. */
async function onDisk(path: string) {
  const disk = { free: 1_000 * MB, at: 0, looks: 0 }
  const onDead = vi.fn()
  const { pglite, release } = await openEmbeddedDatabase(path, {
    onDead,
    now: () => disk.at,
    free() {
      disk.looks += 1
      return disk.free
    },
  })
  const { database, close } = openEmbedded(pglite, release)
  // Every message to PostgreSQL goes through it.
  const asked = vi.spyOn(pglite, 'execProtocolRaw')
  return { pglite, database, close, disk, onDead, asked }
}

/** What PGlite throws when the log needs its next 16 MB and the disk has none. */
const panic = () =>
  Object.assign(new messages.DatabaseError('could not write to file "pg_wal/xlogtemp.42": No space left', 1, 'error'), {
    severity: 'PANIC',
    code: '53100',
  })

describe('a disk that is nearly full', () => {
  test('is 503 for all, without PostgreSQL being asked, until there is room again', async () => {
    const { database, pglite, close, disk, asked } = await onDisk(await dataDir())
    await database.$queryRaw`SELECT 1`
    asked.mockClear()
    Object.assign(disk, { at: 250, free: 10 * MB })
    await expect(database.$queryRaw`SELECT 1`).rejects.toBeInstanceOf(StoreUnavailable)
    await expect(inTransaction(database, async () => {})).rejects.toBeInstanceOf(StoreUnavailable)
    await expect(pglite.exec('SELECT 1')).rejects.toBeInstanceOf(StoreUnavailable)
    expect(asked).not.toHaveBeenCalled()
    Object.assign(disk, { at: 500, free: 48 * MB })
    expect(await database.$queryRaw`SELECT 1 AS one`).toEqual([{ one: 1 }])
    expect(await inTransaction(database, (transaction) => transaction.$queryRaw`SELECT 2 AS two`)).toEqual([{ two: 2 }])
    await close()
  })

  test('is looked at four times a second at most', async () => {
    const { database, close, disk } = await onDisk(await dataDir())
    for (const [at, looks] of [
      [1_000, 1],
      [1_249, 1],
      [1_250, 2],
    ] as const) {
      disk.at = at
      if (at === 1_000) disk.looks = 0
      await database.$queryRaw`SELECT 1`
      expect(disk.looks).toBe(looks)
    }
    await close()
  })

  test('does not stop what had begun: it is done, or it is not, as was answered', async () => {
    const { database, close, disk } = await onDisk(await dataDir())
    await database.$executeRaw`CREATE TABLE witness (what text)`
    await inTransaction(database, async (transaction) => {
      await transaction.$executeRaw`INSERT INTO witness VALUES ('first')`
      Object.assign(disk, { at: 250, free: 10 * MB })
      await transaction.$executeRaw`INSERT INTO witness VALUES ('second')`
    })
    await expect(database.$queryRaw`SELECT 1`).rejects.toBeInstanceOf(StoreUnavailable)
    Object.assign(disk, { at: 500, free: 100 * MB })
    expect(await database.$queryRaw`SELECT what FROM witness`).toEqual([{ what: 'first' }, { what: 'second' }])
    await close()
  })

  test('has the log trimmed once, which may be what fills it', async () => {
    const { pglite, close, disk } = await onDisk(await dataDir())
    const redoneFrom = async () => (await pglite.query('SELECT redo_lsn FROM pg_control_checkpoint()')).rows
    const before = await redoneFrom()
    await pglite.exec('CREATE TABLE witness (what text)')
    Object.assign(disk, { at: 250, free: 40 * MB })
    await expect(pglite.query('SELECT 1')).rejects.toBeInstanceOf(StoreUnavailable)
    Object.assign(disk, { at: 500, free: 100 * MB })
    expect(await redoneFrom()).not.toEqual(before)
    await close()
  })

  test('keeps the database from being opened, with a sentence, and the lock is free', async () => {
    const path = await dataDir()
    await expect(openEmbeddedDatabase(path, { free: () => 47 * MB })).rejects.toThrow(
      `KC_DATA_DIR: less than 48 MB are free in ${path}. Make room, and start again.`,
    )
    await (await onDisk(path)).close()
  })
})

describe('a PostgreSQL that gave up', () => {
  test('is never asked again', async () => {
    const { database, pglite, onDead, asked } = await onDisk(await dataDir())
    await database.$queryRaw`SELECT 1`
    const refused = inTransaction(database, async (transaction) => {
      const error = panic()
      asked.mockClear()
      asked.mockRejectedValueOnce(error)
      await expect(transaction.$executeRaw`SELECT 1`).rejects.toBeInstanceOf(StoreUnavailable)
      expect(onDead.mock.calls).toEqual([[error]])
      await expect(transaction.$executeRaw`SELECT 1`).rejects.toBeInstanceOf(StoreUnavailable)
    })
    // The adapter doesn't say that it wasn't committed: that's why the process ends at once.
    await refused
    await expect(database.$queryRaw`SELECT 1`).rejects.toBeInstanceOf(StoreUnavailable)
    await expect(inTransaction(database, async () => {})).rejects.toBeInstanceOf(StoreUnavailable)
    await expect(pglite.exec('SELECT 1')).rejects.toBeInstanceOf(StoreUnavailable)
    expect(asked).toHaveBeenCalledTimes(1)
    expect(onDead).toHaveBeenCalledTimes(1)
  })

  test('ends the process with 1 and a line in the log; its data are there for the next', async () => {
    const path = await dataDir()
    const lines: string[] = []
    const log = pino({ base: null, timestamp: false }, { write: (line) => void lines.push(line) })
    const exit = vi.spyOn(process, 'exit').mockImplementation((() => {}) as never)
    const settings = { databaseUrl: undefined, redisUrl: undefined, dataDir: path }
    const storage = await openStorage(settings, { clock: systemClock, log })
    await storage.database.$executeRaw`CREATE TABLE witness (what text)`
    const asked = vi.spyOn(PGlite.prototype, 'execProtocolRaw').mockRejectedValueOnce(panic())
    await expect(storage.database.$queryRaw`SELECT 1`).rejects.toBeInstanceOf(StoreUnavailable)
    expect(exit.mock.calls).toEqual([[1]])
    expect(lines.map((line) => JSON.parse(line))).toEqual([
      {
        level: 50,
        reason: 'could not write to file "pg_wal/xlogtemp.42": No space left',
        msg: 'the embedded database gave up, and this process ends; its data are there when it is started again',
      },
    ])
    asked.mockRestore()
    exit.mockRestore()
    await storage.close()
    const next = await reopened(path)
    expect(await next.database.$queryRaw`SELECT count(*)::int FROM witness`).toEqual([{ count: 0 }])
    await next.close()
  })
})

test('however much is written between two vacuums, it goes on', { timeout: 60_000 }, async () => {
  const script = join(import.meta.dirname, 'embedded-heavy-writer.ts')
  // Without end it would be in PostgreSQL's own code, which hears no signal but this.
  const child = spawn(process.execPath, [script, await dataDir()], {
    stdio: 'ignore',
    timeout: 50_000,
    killSignal: 'SIGKILL',
  })
  expect(await once(child, 'exit')).toEqual([0, null])
})

describe('kill -9', () => {
  test('while writing loses nothing that was acknowledged, time after time', { timeout: 60_000 }, async () => {
    const path = await dataDir()
    const acknowledged: string[] = []
    for (const count of [1, 150, 450]) {
      const child = writer(path)
      await child.wrote(count)
      await child.kill()
      acknowledged.push(...child.lines.filter((line) => line !== 'open'))
    }
    expect(acknowledged.length).toBeGreaterThan(500)

    const storage = await reopened(path)
    const rows = await storage.database.accessToken.findMany({ select: { digest: true } })
    const kept = new Set(rows.map(({ digest }) => digest))
    expect(acknowledged.filter((digest) => !kept.has(digest))).toEqual([])
    await storage.ping()
    await storage.close()
  })

  test('in the middle of the first start leaves a directory that starts', { timeout: 60_000 }, async () => {
    const path = await dataDir({ empty: true })
    const child = writer(path)
    // By then initdb has begun, and has seconds to go.
    await vi.waitFor(() => access(join(path, 'pgdata.new', 'base')), { timeout: 20_000, interval: 5 })
    await child.kill()
    expect(await readdir(path)).not.toContain('pgdata')

    const storage = await reopened(path)
    expect(await storage.migrate()).not.toEqual([])
    await storage.ping()
    await storage.close()
    expect((await readdir(path)).sort()).toEqual(['lock', 'pgdata'])
  })
})
