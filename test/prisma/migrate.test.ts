import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { pino } from 'pino'
import { afterEach, describe, expect, test } from 'vitest'
import { systemClock } from '../../server/clock.ts'
import { openStorage, type Storage } from '../../server/storage/open.ts'
import type { StorageSettings } from '../deployments.ts'
import { createTestDatabase, createTestDataDir } from '../services/spaces.ts'

const entries = await readdir(join(import.meta.dirname, '../../prisma/migrations'), { withFileTypes: true })
const MIGRATIONS = entries.flatMap((entry) => (entry.isDirectory() ? entry.name : [])).sort()

const cleanUp: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const undo of cleanUp.splice(0).reverse()) await undo()
})

async function settingsFor(kind: string): Promise<StorageSettings> {
  if (kind === 'database') return { databaseUrl: await createTestDatabase(), redisUrl: undefined, dataDir: '' }
  const directory = await createTestDataDir()
  cleanUp.push(() => directory.remove())
  return { databaseUrl: undefined, redisUrl: undefined, dataDir: directory.path }
}

async function open(settings: StorageSettings): Promise<Storage> {
  const storage = await openStorage(settings, { clock: systemClock, log: pino({ level: 'silent' }) })
  cleanUp.push(() => storage.close())
  return storage
}

describe.each(['embedded', 'database'])('migrate (%s)', (kind) => {
  test('applies all to a fresh database, and nothing the second time', async () => {
    const { migrate, database } = await open(await settingsFor(kind))
    expect(await migrate()).toEqual(MIGRATIONS)
    expect(await database.tenant.count()).toBe(0)
    expect(await migrate()).toEqual([])
  })

  test('is remembered where Prisma looks for it', async () => {
    const { migrate, database } = await open(await settingsFor(kind))
    await migrate()
    const rows = await database.$queryRaw`
      SELECT migration_name AS name, finished_at IS NOT NULL AS finished, applied_steps_count AS steps, length(checksum) AS checksum
      FROM _prisma_migrations ORDER BY migration_name`
    expect(rows).toEqual(MIGRATIONS.map((name) => ({ name, finished: true, steps: 1, checksum: 64 })))
  })

  test('refuses a migration that was edited after it was applied', async () => {
    const { migrate, database } = await open(await settingsFor(kind))
    await migrate()
    const name = MIGRATIONS[0] as string
    await database.$executeRaw`UPDATE _prisma_migrations SET checksum = 'of another text' WHERE migration_name = ${name}`
    await expect(migrate()).rejects.toThrow(`migration ${name} was edited after it was applied`)
  })

  test('refuses to go on after one that failed half way under another tool', async () => {
    const { migrate, database } = await open(await settingsFor(kind))
    await migrate()
    const name = MIGRATIONS[0] as string
    await database.$executeRaw`UPDATE _prisma_migrations SET finished_at = NULL WHERE migration_name = ${name}`
    await expect(migrate()).rejects.toThrow(`migration ${name} failed earlier`)
  })

  test('one that fails leaves nothing behind, and holds up nobody', async () => {
    const { migrate, database } = await open(await settingsFor(kind))
    await database.$executeRaw`CREATE TABLE failure_count (in_the_way TEXT)`
    await expect(migrate()).rejects.toThrow('already exists')
    const tables = await database.$queryRaw`
      SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'public' ORDER BY table_name`
    expect(tables).toEqual([{ name: '_prisma_migrations' }, { name: 'failure_count' }])
    await database.$executeRaw`DROP TABLE failure_count`
    expect(await migrate()).toEqual(MIGRATIONS)
  })
})

test('of several nodes that start at once one migrates, and all find the tables', async () => {
  const settings = await settingsFor('database')
  const nodes = await Promise.all([open(settings), open(settings), open(settings), open(settings)])
  const applied = await Promise.all(nodes.map(({ migrate }) => migrate()))
  expect(applied.flat()).toEqual(MIGRATIONS)
  expect(await Promise.all(nodes.map(({ database }) => database.tenant.count()))).toEqual([0, 0, 0, 0])
})
