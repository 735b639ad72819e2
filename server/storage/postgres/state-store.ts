import type { Clock } from '../../clock.ts'
import { type Mode, otherMode } from '../../mode/mode.ts'
import { type Database, Prisma } from '../database.ts'
import type { FailureCount, Standing, StateStore } from '../state-store.ts'
import { createPendingEvents } from './pending-events.ts'

interface Needs {
  database: Database
  mode: Mode
  clock: Clock
}

/** What expires and is swept; also what grows and shrinks enough to be vacuumed. */
export const SHORT_LIVED = ['access_token', 'state_record', 'replay_memory', 'failure_count'] as const

/**
 * Short-lived state in the database itself: one statement per call, atomic by row locks. Expiry is judged by the
 * injected clock, passed as a parameter, so that nodes and tests agree on it.
 */
export function createPostgresStateStore({ database, mode, clock }: Needs): StateStore {
  const now = () => new Date(clock.now())

  return {
    async putToken(digest, record, expiresAt) {
      await database.$executeRaw`
        INSERT INTO access_token (mode, digest, record, expires_at)
        VALUES (${mode}, ${digest}, ${record}, ${new Date(expiresAt)})
        ON CONFLICT (mode, digest) DO UPDATE SET record = EXCLUDED.record, expires_at = EXCLUDED.expires_at`
    },
    async findToken(digest) {
      const [row] = await database.$queryRaw<{ record: string }[]>`
        SELECT record FROM access_token WHERE mode = ${mode} AND digest = ${digest} AND expires_at > ${now()}`
      return row?.record
    },
    async removeToken(digest) {
      const removed = await database.$executeRaw`
        DELETE FROM access_token WHERE mode = ${mode} AND digest = ${digest}`
      return removed === 1
    },

    async standings(refs) {
      if (!refs.length) return []
      const rows = await database.$queryRaw<Standing[]>`
        SELECT ref, version, epoch FROM standing WHERE mode = ${mode} AND ref IN (${Prisma.join([...refs])})`
      const found = new Map(rows.map((row) => [row.ref, row]))
      return refs.map((ref) => found.get(ref))
    },
    // The table is the truth and was changed by the transaction itself: there is no copy to forget or to raise.
    async forgetStandings() {},
    async raiseStandings() {},

    async putRecord(key, record, expiresAt) {
      await database.$executeRaw`
        INSERT INTO state_record (mode, key, record, expires_at)
        VALUES (${mode}, ${key}, ${record}, ${new Date(expiresAt)})
        ON CONFLICT (mode, key) DO UPDATE SET record = EXCLUDED.record, expires_at = EXCLUDED.expires_at`
    },
    async findRecord(key) {
      const [row] = await database.$queryRaw<{ record: string }[]>`
        SELECT record FROM state_record WHERE mode = ${mode} AND key = ${key} AND expires_at > ${now()}`
      return row?.record
    },
    async swapRecord(key, before, after, expiresAt) {
      // Of two at once the second waits for the first's row lock, and then finds another record.
      const written = await database.$executeRaw`
        UPDATE state_record SET record = ${after}, expires_at = ${new Date(expiresAt)}
        WHERE mode = ${mode} AND key = ${key} AND record = ${before} AND expires_at > ${now()}`
      return written === 1
    },
    async takeRecord(key) {
      const [row] = await database.$queryRaw<{ record: string }[]>`
        DELETE FROM state_record WHERE mode = ${mode} AND key = ${key} AND expires_at > ${now()} RETURNING record`
      return row?.record
    },

    async remember(key, until) {
      const written = await database.$executeRaw`
        INSERT INTO replay_memory (mode, key, expires_at) VALUES (${mode}, ${key}, ${new Date(until)})
        ON CONFLICT (mode, key) DO UPDATE SET expires_at = EXCLUDED.expires_at
        WHERE replay_memory.expires_at <= ${now()}`
      return written === 1
    },

    async countFailure(key, windowMs, by = 1) {
      const rows = await database.$queryRaw<FailureRow[]>`
        INSERT INTO failure_count (mode, key, count, expires_at)
        VALUES (${mode}, ${key}, ${by}, ${new Date(clock.now() + windowMs)})
        ON CONFLICT (mode, key) DO UPDATE SET
          count = CASE WHEN failure_count.expires_at <= ${now()} THEN EXCLUDED.count
                       ELSE failure_count.count + EXCLUDED.count END,
          expires_at = CASE WHEN failure_count.expires_at <= ${now()} THEN EXCLUDED.expires_at
                            ELSE failure_count.expires_at END
        RETURNING count, expires_at`
      return failureCount(rows[0] as FailureRow)
    },

    ...createPendingEvents(database, mode),

    async ping() {
      // A standby answers reads as well: only a write tells.
      await database.$executeRaw`
        INSERT INTO replay_memory (mode, key, expires_at) VALUES (${mode}, 'ping', ${now()})
        ON CONFLICT (mode, key) DO UPDATE SET expires_at = EXCLUDED.expires_at`
    },
    async sweep(limit) {
      let removed = 0
      for (const table of SHORT_LIVED.map((name) => Prisma.raw(name))) {
        // SKIP LOCKED: nodes sweep side by side, and a row that is being revived stays. Over by the database's clock, too:
        // a node whose own is ahead would take from all others their tokens, and the memory of what is good once.
        // Oldest first and "not of the other mode": of a table that was never analysed (the embedded ones never are) PostgreSQL
        // thinks that a mode has next to no rows, and would read all of both indexes for each batch.
        removed += await database.$executeRaw`
          DELETE FROM ${table} WHERE ctid = ANY (ARRAY(
            SELECT ctid FROM ${table} WHERE mode <> ${otherMode(mode)} AND expires_at <= LEAST(${now()}::timestamptz, now())
            ORDER BY expires_at LIMIT ${limit} FOR UPDATE SKIP LOCKED))`
      }
      return removed
    },
  }
}

interface FailureRow {
  count: number
  expires_at: Date
}

const failureCount = ({ count, expires_at }: FailureRow): FailureCount => ({ count, resetsAt: expires_at.getTime() })
