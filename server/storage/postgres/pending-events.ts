import type { Mode } from '../../mode/mode.ts'
import { type Database, Prisma } from '../database.ts'
import type { StateStore } from '../state-store.ts'

interface Waiting {
  readonly event: string
  resolve(): void
  reject(error: unknown): void
}

/** Events per statement. */
const MOST = 200

/**
 * The table that stands in for Redis' stream. One statement at a time: whatever comes meanwhile goes with the next, so
 * that under load an event costs a fraction of a statement and of a commit.
 */
export function createPendingEvents(
  database: Database,
  mode: Mode,
): Pick<StateStore, 'recordEvent' | 'pendingEvents' | 'removeEvents'> {
  let waiting: Waiting[] = []
  let writing = false

  async function writeAll(): Promise<void> {
    writing = true
    while (waiting.length) {
      const batch = waiting.slice(0, MOST)
      waiting = waiting.slice(MOST)
      try {
        await write(batch.map(({ event }) => event))
        for (const { resolve } of batch) resolve()
      } catch (error) {
        for (const { reject } of batch) reject(error)
      }
    }
    writing = false
  }

  const write = (events: readonly string[]) => database.$executeRaw`
    INSERT INTO pending_event (mode, event)
    SELECT ${mode}, event FROM jsonb_array_elements_text(${JSON.stringify(events)}::jsonb) WITH ORDINALITY AS e (event, at)
    ORDER BY at`

  return {
    recordEvent: (event) =>
      new Promise((resolve, reject) => {
        waiting.push({ event, resolve, reject })
        if (!writing) void writeAll()
      }),

    async pendingEvents(most) {
      const rows = await database.$queryRaw<{ handle: string; event: string }[]>`
        SELECT seq::text AS handle, event FROM pending_event WHERE mode = ${mode} ORDER BY seq LIMIT ${most}`
      return {
        events: rows.map(({ event }) => event),
        handles: rows.map(({ handle }) => handle),
        more: rows.length === most,
      }
    },

    // By what was read, not up to it: of two writers the one with the lower number may commit later.
    async removeEvents(handles) {
      if (!handles.length) return
      await database.$executeRaw`
        DELETE FROM pending_event WHERE mode = ${mode} AND seq IN (${Prisma.join(handles.map(BigInt))})`
    },
  }
}
