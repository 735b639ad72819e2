import cluster from 'node:cluster'
import { setTimeout as pause } from 'node:timers/promises'
import type { Logger } from '../telemetry/log.ts'
import { stopWhenParentDies } from './parent.ts'

/** Milliseconds before a worker that died is replaced: one that can't go on must not spin. */
const RESTART_PAUSE = 1_000

/**
 * Keeps `count` processes on the same ports. Resolves with the exit code when all have stopped: 0 after a signal, 1 if
 * one ended before any of them listened, since the next would end as well.
 */
export function superviseWorkers(count: number, log: Pick<Logger, 'warn'>): Promise<number> {
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
    cluster.on('listening', () => {
      listened = true
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
