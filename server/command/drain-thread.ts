import { Worker } from 'node:worker_threads'
import type { Logger } from 'pino'
import type { CommandCall } from './command.ts'

/** What the thread says: a line for the log, which is the main thread's to write. */
export interface Said {
  readonly level: 'info' | 'error'
  readonly entry: object
  readonly message: string
}

/** Milliseconds before a thread that died is replaced: one that can't go on must not spin. */
const RESTART_PAUSE = 1_000

/**
 * Takes token events into the audit log in a thread of its own: to chain one costs as much as to mint a token, and
 * requests must not wait for it. Only with PostgreSQL: the embedded database has one connection, which is the server's.
 * Resolves the stop when it has ended; another takes its place if it dies.
 */
export function startDrainThread(
  environment: CommandCall['environment'],
  log: Pick<Logger, 'info' | 'error'>,
): () => Promise<void> {
  let stopped = false
  let timer: NodeJS.Timeout | undefined
  let thread = run()

  function run(): Worker {
    const worker = new Worker(new URL('./drain-worker.ts', import.meta.url), { env: { ...environment } })
    worker.on('message', ({ level, entry, message }: Said) => log[level](entry, message))
    worker.on('error', (error) => log.error({ err: error }, 'the thread that takes in token events failed'))
    worker.on('exit', () => {
      if (stopped) return
      timer = setTimeout(() => {
        thread = run()
      }, RESTART_PAUSE).unref()
    })
    worker.unref()
    return worker
  }

  return async () => {
    stopped = true
    clearTimeout(timer)
    if (thread.threadId === -1) return
    // Not events.once, which fails if the thread does: what else is to be closed must be.
    const ended = new Promise((resolve) => thread.once('exit', resolve))
    // The only thing that it is ever told: to end when the batch under way is taken in.
    thread.postMessage('stop')
    await ended
  }
}
