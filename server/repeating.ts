import type { Logger } from 'pino'

interface Repeated {
  /** For the log: `webhook delivery`. */
  readonly name: string
  readonly intervalMs: number
  readonly log: Pick<Logger, 'info' | 'error'>
  run(): Promise<unknown>
}

/**
 * Runs something in the background again and again, from the end of one run to the begin of the next about `intervalMs`:
 * give or take a quarter, so that nodes don't do it in step. Failures are survived, and logged when they begin and end.
 * Returns the stop, which resolves when a run under way has ended.
 */
export function startRepeating({ name, intervalMs, log, run }: Repeated): () => Promise<void> {
  let stopped = false
  let failing = false
  let timer: NodeJS.Timeout | undefined
  let running = Promise.resolve()

  const plan = () => {
    if (stopped) return
    const wait = intervalMs * (0.75 + Math.random() / 2)
    timer = setTimeout(() => {
      running = once().then(plan)
    }, wait)
    timer.unref()
  }
  const once = async () => {
    try {
      await run()
      if (failing) log.info({ work: name }, 'goes on')
      failing = false
    } catch (error) {
      if (!failing) log.error({ err: error, work: name }, 'failed; it is tried again')
      failing = true
    }
  }

  plan()
  return async () => {
    stopped = true
    clearTimeout(timer)
    await running
  }
}
