import { setImmediate as otherWork } from 'node:timers/promises'
import type { Logger } from 'pino'
import { startRepeating } from '../repeating.ts'
import type { StateStore } from './state-store.ts'

interface Needs {
  readonly stores: readonly Pick<StateStore, 'sweep'>[]
  vacuum(): Promise<void>
  readonly log: Pick<Logger, 'debug' | 'info' | 'error'>
}

/** Rows of each kind per statement: short enough that no request waits noticeably for a lock or the one connection. */
export const BATCH = 500
/** So many removed rows are worth a vacuum … */
const VACUUM_AFTER_ROWS = 2_000
/** … and so many runs in any case: embedded PostgreSQL trims its log only then. */
const VACUUM_AFTER_RUNS = 10

export interface Sweep {
  /** Removes all that is expired now; how many rows went. Rejects if a store is away; the next run goes on from there. */
  run(): Promise<number>
}

/** One sweep at a time, by hand: see {@link startSweeper} for the timer. */
export function createSweep({ stores, vacuum }: Pick<Needs, 'stores' | 'vacuum'>): Sweep {
  let rows = 0
  let runs = 0
  return {
    async run() {
      let removed = 0
      for (const store of stores) removed += await emptied(store)
      rows += removed
      runs += 1
      if (rows >= VACUUM_AFTER_ROWS || runs >= VACUUM_AFTER_RUNS) {
        await vacuum()
        rows = 0
        runs = 0
      }
      return removed
    },
  }
}

async function emptied(store: Pick<StateStore, 'sweep'>): Promise<number> {
  let removed = 0
  for (;;) {
    const batch = await store.sweep(BATCH)
    removed += batch
    if (batch < BATCH) return removed
    // Embedded PostgreSQL runs in this thread and answers without a turn of the event loop: requests would wait for all.
    await otherWork()
  }
}

/** Sweeps about every `intervalMs`. Returns the stop, which resolves when a run under way has ended. */
export function startSweeper({ intervalMs, log, ...needs }: Needs & { readonly intervalMs: number }) {
  const sweep = createSweep(needs)
  return startRepeating({
    ...{ name: 'sweep', intervalMs, log },
    async run() {
      const removed = await sweep.run()
      if (removed) log.debug({ removed }, 'swept')
    },
  })
}
