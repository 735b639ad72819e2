import type { PendingEvents } from '../state-store.ts'
import type { RedisConnection } from './connection.ts'

/**
 * A stream whose entries hold the events of one turn each, so that an event costs Redis and this process a field and not
 * a command. What was taken into the audit log is deleted, so the stream holds what is younger than a drain.
 */
export interface EventStream {
  oldest(most: number): Promise<PendingEvents>
  remove(ids: readonly string[]): Promise<void>
}

export const FIELD = 'e'

/** Of an entry: what XADD is given. */
export const fieldsOf = (events: readonly string[]): string[] => events.flatMap((event) => [FIELD, event])

/** Entries per read: under load one holds tens of events, and what isn't wanted yet would be read in vain. */
const PAGE = 32

export const createEventStream = (redis: RedisConnection, key: string): EventStream => ({
  async oldest(most) {
    const events: string[] = []
    const handles: string[] = []
    let from = '-'
    for (;;) {
      const entries = await redis.xrange(key, from, '+', 'COUNT', PAGE)
      for (const [id, fields] of entries) {
        if (events.length >= most) return { events, handles, more: true }
        handles.push(id)
        events.push(...fields.filter((_, at) => at % 2 === 1))
      }
      if (entries.length < PAGE) return { events, handles, more: false }
      from = `(${handles.at(-1)}`
    }
  },

  async remove(ids) {
    if (ids.length) await redis.xdel(key, ...ids)
  },
})
