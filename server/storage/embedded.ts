import { statfsSync } from 'node:fs'
import { chmod, mkdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { PGlite } from '@electric-sql/pglite'
import type { Logger } from 'pino'
import { guard, ROOM, type Watch } from './embedded-guard.ts'
import { lockDirectory } from './embedded-lock.ts'

interface Options extends Partial<Watch> {
  readonly log?: Pick<Logger, 'info' | 'error'>
  /** Longest wait for another process to leave the directory, in milliseconds. */
  readonly patience?: number
}

export interface EmbeddedDatabase {
  readonly pglite: PGlite
  /** After `pglite` was closed: lets another process have the directory. */
  release(): Promise<void>
}

/**
 * Opens the embedded PostgreSQL in `dataDir`, which is made if missing, and keeps every other process out of it:
 * PGlite doesn't check, and two at once corrupt each other's data.
 * @throws {Error} a sentence, if the disk is nearly full: what was left by a kill is written on at the start.
 * @throws {DirectoryInUse} if another process does not leave in time, which is 10 s unless `patience` says otherwise.
 */
export async function openEmbeddedDatabase(
  dataDir: string,
  {
    log,
    patience,
    free = () => freeIn(dataDir),
    now = () => performance.now(),
    onDead = endProcess(log),
  }: Options = {},
): Promise<EmbeddedDatabase> {
  await mkdir(dataDir, { recursive: true, mode: 0o700 })
  await chmod(dataDir, 0o700)
  const unlock = await lockDirectory(dataDir, patience)
  try {
    if (free() < ROOM) {
      throw new Error(`KC_DATA_DIR: less than ${ROOM / 2 ** 20} MB are free in ${dataDir}. Make room, and start again.`)
    }
    const path = join(dataDir, 'pgdata')
    if (!(await exists(path))) {
      log?.info('making the embedded database')
      await initialise(path)
    }
    const pglite = guard(await open(path), { free, now, onDead })
    return { pglite, release: async () => unlock() }
  } catch (error) {
    unlock()
    throw error
  }
}

/** All or nothing: a half made database, left by a kill, would never open again. */
async function initialise(path: string): Promise<void> {
  const unfinished = `${path}.new`
  await rm(unfinished, { recursive: true, force: true })
  const pglite = await open(unfinished)
  await pglite.close()
  await rename(unfinished, path)
}

async function open(path: string): Promise<PGlite> {
  const pglite = await PGlite.create({
    dataDir: path,
    // Without background processes the log is trimmed only by CHECKPOINT (see open.ts), down to the first of these. At
    // the second PostgreSQL asks for one by itself, and waits for ever for the process that would make it.
    startParams: [...PGlite.defaultStartParams, '-c', 'min_wal_size=32MB', '-c', 'max_wal_size=100GB'],
  })
  // PGlite takes the host's time zone, and Prisma reads and writes times as UTC whatever the session says.
  await pglite.exec("SET TIME ZONE 'UTC'")
  return pglite
}

/** For whoever isn't root: to others a file system keeps some back. */
function freeIn(directory: string): number {
  const { bavail, bsize } = statfsSync(directory)
  return bavail * bsize
}

/** At once, with all that is under way: none of it may be answered as done, and whoever supervises this starts it anew. */
const endProcess = (log: Options['log']) => (error: Error) => {
  const reason = error.message
  log?.error(
    { reason },
    'the embedded database gave up, and this process ends; its data are there when it is started again',
  )
  process.exit(1)
}

const exists = (path: string) =>
  stat(path).then(
    () => true,
    () => false,
  )
