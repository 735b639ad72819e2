import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as pause } from 'node:timers/promises'

/** Milliseconds: an owner that was told to stop finishes its requests first. */
const PATIENCE = 10_000
const SQLITE_BUSY = 5

/** Another process owns the directory. The message is a sentence. */
export class DirectoryInUse extends Error {
  override readonly name = 'DirectoryInUse'

  constructor(dataDir: string) {
    super(`The data directory ${dataDir} is in use by another Keycourt process; stop it first.`)
  }
}

/**
 * Makes this process the only one in `dataDir`, or waits for the owner to leave. Returns the release.
 *
 * The lock is the operating system's, taken through SQLite on an empty file, since Node has no flock: it ends with its
 * process however that dies, so there is no stale lock to judge by a pid, which another container or a reboot may reuse.
 * (POSIX drops it when this process opens and closes the file by other means: don't.)
 * @throws {DirectoryInUse} if another process still holds it after `patience` milliseconds.
 */
export async function lockDirectory(dataDir: string, patience = PATIENCE): Promise<() => void> {
  const lock = new DatabaseSync(join(dataDir, 'lock'), { timeout: 0 })
  const giveUp = performance.now() + patience
  while (!acquired(lock)) {
    if (performance.now() > giveUp) {
      lock.close()
      throw new DirectoryInUse(dataDir)
    }
    await pause(50)
  }
  return () => {
    if (lock.isOpen) lock.close()
  }
}

function acquired(lock: DatabaseSync): boolean {
  try {
    lock.exec('BEGIN EXCLUSIVE')
    return true
  } catch (error) {
    if ((error as { errcode?: number }).errcode === SQLITE_BUSY) return false
    lock.close()
    throw error
  }
}
