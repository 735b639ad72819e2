import { setImmediate as otherWork, setTimeout as rest } from 'node:timers/promises'
import type { Logger } from 'pino'
import { ADVISORY_LOCK } from '../../prisma/advisory-locks.ts'
import type { Clock } from '../clock.ts'
import type { Mode } from '../mode/mode.ts'
import { type Database, inTransaction, type Transaction } from '../storage/database.ts'
import type { StateStore } from '../storage/state-store.ts'
import type { Chain } from './chain.ts'
import { decodeEvent, type PendingEvent } from './pending-event.ts'
import { takeIn } from './take-in.ts'

/**
 * Takes recorded events into the chains. Chained and then removed: a crash between the two leaves events that are there
 * already, which their ids tell. So each has one entry, whoever dies when.
 */
export interface Drain {
  /** All that was recorded before the call: whoever asks for the log then finds what they have just done. */
  all(): Promise<void>
  /** The same in the background: nothing, if there is nothing that this node knows of, or another node is at it. */
  some(): Promise<void>
  /** This node has recorded something. */
  noted(): void
}

interface Needs {
  mode: Mode
  clock: Clock
  database: Database
  state: Pick<StateStore, 'pendingEvents' | 'removeEvents'>
  chain: Chain
  log: Pick<Logger, 'error'>
}

/** Events per transaction: some 30 ms, in which changes of the tenants concerned wait. */
const BATCH = 500
/** What is pending after so many is younger than the call, or too much for somebody to wait for. */
const MOST_BATCHES = 20
/** In the background, requests have the processor to themselves for so many times as long as a batch took … */
const PATIENCE = 3
/** … unless the oldest event has waited for so long, in milliseconds: whatever comes in for longer than a burst is kept up with. */
const MOST_BEHIND = 30_000
/** Every so many runs it looks without having been told: another node may have died. */
const UNPROMPTED = 20

export function createDrain({ mode, clock, database, state, chain, log }: Needs): Drain {
  let isNoted = true
  let runs = 0

  /** `busy`: another node has the lock. */
  /** When the oldest event of the last batch was recorded. */
  let oldest = 0

  async function batch(wait: boolean): Promise<'end' | 'more' | 'busy'> {
    const { events, handles, more } = await state.pendingEvents(BATCH)
    if (!events.length) return 'end'
    const readable = decoded(events)
    oldest = readable[0]?.at.getTime() ?? 0
    const taken = await inTransaction(database, async (transaction) => {
      if (!(await lock(transaction, ADVISORY_LOCK.auditDrain[mode], wait))) return undefined
      return takeIn(transaction, chain, mode, readable)
    })
    if (!taken) return 'busy'
    const lost = events.length - readable.length + taken.ofNobody
    if (lost) log.error({ lost, mode }, 'events that are no events were removed from what the audit log takes in')
    await state.removeEvents(handles)
    return more ? 'more' : 'end'
  }

  /** False: there may be more. */
  async function run(wait: boolean): Promise<boolean> {
    for (let each = 0; each < MOST_BATCHES; each++) {
      const began = performance.now()
      const outcome = await batch(wait)
      if (outcome !== 'more') return outcome === 'end'
      if (wait || clock.now() - oldest > MOST_BEHIND) await otherWork()
      else await rest(PATIENCE * (performance.now() - began))
    }
    return false
  }

  return {
    async all() {
      await run(true)
    },

    async some() {
      if (!isNoted && runs++ % UNPROMPTED !== 0) return
      isNoted = false
      try {
        if (!(await run(false))) isNoted = true
      } catch (error) {
        isNoted = true
        throw error
      }
    },

    noted() {
      isNoted = true
    },
  }
}

/** An event may be there twice: a command that seemed lost was sent once, but whoever recorded it may have tried again. */
const decoded = (texts: readonly string[]): PendingEvent[] => {
  const byId = new Map<string, PendingEvent>()
  for (const text of texts) {
    const event = decodeEvent(text)
    if (event) byId.set(event.id, event)
  }
  return [...byId.values()]
}

async function lock(transaction: Transaction, key: number, wait: boolean): Promise<boolean> {
  if (wait) {
    await transaction.$queryRaw`SELECT pg_advisory_xact_lock(${key})::text`
    return true
  }
  const [row] = await transaction.$queryRaw<{ locked: boolean }[]>`SELECT pg_try_advisory_xact_lock(${key}) AS locked`
  return row?.locked === true
}
