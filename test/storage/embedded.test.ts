import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { access, chmod, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { pino } from 'pino'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { systemClock } from '../../server/clock.ts'
import { openEmbeddedDatabase } from '../../server/storage/embedded.ts'
import { openStorage } from '../../server/storage/open.ts'
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
