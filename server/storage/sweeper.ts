import { setImmediate as otherWork } from 'node:timers/promises'
import type { Logger } from 'pino'
import type { StateStore } from './state-store.ts'

interface Needs {
  readonly stores: readonly Pick<StateStore, 'sweep'>[]
  vacuum(): Promise<void>
  readonly log: Pick<Logger, 'debug' | 'error'>
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

/**
 * Sweeps every `intervalMs`, give or take a quarter so that nodes don't sweep in step. Failures are logged and survived.
 * Returns the stop, which resolves when a run under way has ended.
 */
export function startSweeper({
  intervalMs,
  log,
  ...needs
}: Needs & { readonly intervalMs: number }): () => Promise<void> {
  const sweep = createSweep(needs)
  let stopped = false
  let timer: NodeJS.Timeout | undefined
  let running = Promise.resolve()

  // The next run is planned when the last has ended, so runs never overlap.
  const plan = () => {
    if (stopped) return
    timer = setTimeout(
      () => {
        running = once().then(plan)
      },
      intervalMs * (0.75 + Math.random() / 2),
    )
    timer.unref()
  }
  const once = async () => {
    try {
      const removed = await sweep.run()
      if (removed) log.debug({ removed }, 'swept')
    } catch (error) {
      log.error({ err: error }, 'sweep failed; the next one goes on')
    }
  }

  plan()
  return async () => {
    stopped = true
    clearTimeout(timer)
    await running
  }
}
