import cluster from 'node:cluster'
import { setTimeout as pause } from 'node:timers/promises'
import type { Logger } from '../telemetry/log.ts'
import { stopWhenParentDies } from './parent.ts'

/** Milliseconds before a worker that died is replaced: one that can't go on must not spin. */
const RESTART_PAUSE = 1_000

const LISTENING = 'keycourt:listening'

/** In a worker: it has all its ports. */
export const tellListening = (): void => void process.send?.(LISTENING)

interface Needs {
  log: Pick<Logger, 'warn'>
  /** Once, when the first has all its ports: from then on whoever comes is served. */
  onListening(): void
}

/**
 * Keeps `count` processes on the same ports. Resolves with the exit code when all have stopped: 0 after a signal, 1 if
 * one ended before any of them listened, since the next would end as well.
 */
export function superviseWorkers(count: number, { log, onListening }: Needs): Promise<number> {
  return new Promise((resolve) => {
    let stopping = false
    let listened = false
    let exitCode = 0
    const stop = () => {
      stopping = true
      for (const worker of Object.values(cluster.workers ?? {})) worker?.process.kill('SIGTERM')
    }
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, stop)
    stopWhenParentDies(stop)
    cluster.on('message', (_worker, message: unknown) => {
      if (message !== LISTENING || listened) return
      listened = true
      onListening()
    })
    cluster.on('exit', async ({ process: { pid } }, code, signal) => {
      if (!stopping && !listened) {
        exitCode = 1
        stop()
      }
      if (!stopping) {
        log.warn({ worker: pid, code, signal }, 'a worker ended; another takes its place')
        await pause(RESTART_PAUSE)
      }
      if (!stopping) cluster.fork()
      else if (!Object.keys(cluster.workers ?? {}).length) resolve(exitCode)
    })
    for (let each = 0; each < count; each++) cluster.fork()
  })
}
