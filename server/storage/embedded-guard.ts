import type { PGlite } from '@electric-sql/pglite'
import { StoreUnavailable } from './state-store.ts'

/**
 * Bytes that must be free on the disk. PostgreSQL's log grows by 16 MB at a time, within whatever statement needs them,
 * and without room for them PostgreSQL gives up: so two of them, and the same again for tables and the error of a look a while ago.
 */
export const ROOM = 48 * 2 ** 20
const LOG_SEGMENT = 16 * 2 ** 20

/** Milliseconds for which a look at the disk is good. */
const LOOK_EVERY = 250

export interface Watch {
  /** Bytes free on the disk. */
  free(): number
  /** Milliseconds, of a clock that only goes forward. */
  now(): number
  /** The embedded PostgreSQL gave up: it must not be asked again, ever, and what it was asked is undecided. Called once. */
  onDead(error: Error): void
}

/**
 * Keeps `pglite` from being asked what it could not survive: anything while the disk is nearly full (it recovers by itself when
 * there is room), and anything after it gave up, when a call would never return and take this thread with it.
 * Whoever is kept out gets {@link StoreUnavailable}.
 */
export function guard(pglite: PGlite, { free, now, onDead }: Watch): PGlite {
  const { query, exec, transaction, execProtocolStream } = pglite
  let dead: Error | undefined
  let full: Error | undefined
  let looked = Number.NEGATIVE_INFINITY

  function look(): void {
    if (now() - looked < LOOK_EVERY) return
    looked = now()
    const bytes = free()
    const wasFull = full !== undefined
    full = bytes < ROOM ? new Error(`only ${Math.floor(bytes / 2 ** 20)} MB are free in the data directory`) : undefined
    // The log may be what fills the disk, and a checkpoint, which needs next to no room itself, what trims it.
    if (full && !wasFull && bytes > LOG_SEGMENT) exec.call(pglite, 'CHECKPOINT').catch(() => {})
  }

  const alive = () => {
    if (dead) throw new StoreUnavailable('database', dead)
  }
  // Not within a transaction: that one has begun, and the adapter takes a COMMIT that failed for one that succeeded.
  const admitted = () => {
    alive()
    look()
    if (full) throw new StoreUnavailable('database', full)
  }

  // What all others end in, COMMIT and ROLLBACK too.
  const watched: PGlite['execProtocolStream'] = async (...call) => {
    alive()
    try {
      return await execProtocolStream.apply(pglite, call)
    } catch (error) {
      if (!dead && /^(PANIC|FATAL)$/.test((error as { severity?: string }).severity ?? '')) {
        dead = error as Error
        onDead(dead)
      }
      throw error
    }
  }

  return Object.assign(pglite, {
    execProtocolStream: watched,
    query: (async (...call: Parameters<PGlite['query']>) => {
      admitted()
      return query.apply(pglite, call)
    }) as PGlite['query'],
    exec: (async (...call) => {
      admitted()
      return exec.apply(pglite, call)
    }) as PGlite['exec'],
    transaction: (async (...call: Parameters<PGlite['transaction']>) => {
      admitted()
      return transaction.apply(pglite, call)
    }) as PGlite['transaction'],
  })
}
