import cluster from 'node:cluster'
import { setTimeout as pause } from 'node:timers/promises'
import { stopWhenParentDies } from './parent.ts'

/** Milliseconds before a worker that died is replaced: one that can't start must not spin. */
const RESTART_PAUSE = 1_000

/** Keeps `count` processes on the same ports. Resolves with the exit code when all have stopped after a signal. */
export function superviseWorkers(count: number): Promise<number> {
  return new Promise((resolve) => {
    let stopping = false
    const stop = () => {
      stopping = true
      for (const worker of Object.values(cluster.workers ?? {})) worker?.process.kill('SIGTERM')
    }
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, stop)
    stopWhenParentDies(stop)
    cluster.on('exit', async () => {
      if (!stopping) await pause(RESTART_PAUSE)
      if (!stopping) cluster.fork()
      else if (!Object.keys(cluster.workers ?? {}).length) resolve(0)
    })
    for (let each = 0; each < count; each++) cluster.fork()
  })
}
