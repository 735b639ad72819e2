import { Worker } from 'node:worker_threads'

/** A moment before which a refusal isn't given, so that how long it took to find out tells nothing. */
export interface EvenTime {
  /** It looks like a refusal. Said before anything is looked up, so that moments come in their order. */
  start(): void
  /** Resolves when a refusal may be given. */
  reached(): Promise<void>
}

/** Milliseconds: longer than it takes to look into both stores. */
export const EVEN_TIME = 20

/**
 * For each request one, which counts from when it is asked for. What is right from memory starts nothing: it is nearly every
 * request, and is told apart by its answer anyway.
 */
export function createEvenTimes(milliseconds: number): () => EvenTime {
  const alarm = createAlarm()
  return () => {
    const moment = monotonic() + milliseconds
    let reached: Promise<void> | undefined
    return {
      start() {
        if (milliseconds > 0) reached ??= alarm(moment)
      },
      async reached() {
        await reached
      },
    }
  }
}

/** Milliseconds, and the same in every thread. */
export const monotonic = (): number => Number(process.hrtime.bigint()) / 1e6

/**
 * Resolves at a moment, to some microseconds; one that is given behind a later one comes with that. Node's own timers count whole milliseconds
 * from when the loop last woke, so at their end one could read how long the lookup before had taken, which is what nobody is
 * to know. Hence a thread that sleeps: it is there from the first refusal on, and keeps no process alive.
 */
function createAlarm(): (moment: number) => Promise<void> {
  let waiting: (() => void)[] = []
  let sleeper: Worker | undefined

  function start(): Worker {
    const worker = new Worker(new URL('./even-time-sleeper.ts', import.meta.url), { env: {} })
    worker.on('message', () => waiting.shift()?.())
    // Rather an uneven answer than none; the next refusal starts another.
    worker
      .on('error', () => {})
      .on('exit', () => {
        const left = waiting
        waiting = []
        sleeper = undefined
        for (const resolve of left) resolve()
      })
    worker.unref()
    return worker
  }

  return (moment) =>
    new Promise((resolve) => {
      waiting.push(resolve)
      sleeper ??= start()
      sleeper.postMessage(moment)
    })
}
