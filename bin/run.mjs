import { spawn } from 'node:child_process'
import { constants } from 'node:os'

const FORWARDED = ['SIGTERM', 'SIGINT', 'SIGHUP']

/**
 * Runs a program on the caller's terminal and hands it every signal that would have ended this process.
 * Rejects if the program can't be started.
 *
 * @param {string} program
 * @param {readonly string[]} args
 * @param {import('node:child_process').SpawnOptions} [options]
 * @returns {Promise<{ code: number | null, signal: NodeJS.Signals | null }>} how it ended
 */
export function run(program, args, options) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: 'inherit', ...options })
    const forward = (signal) => child.kill(signal)
    const settle = (done) => {
      for (const signal of FORWARDED) process.off(signal, forward)
      done()
    }
    for (const signal of FORWARDED) process.on(signal, forward)
    child.once('error', (error) => settle(() => reject(error)))
    child.once('exit', (code, signal) => settle(() => resolve({ code, signal })))
  })
}

/** A Node process that notices when this one is gone, even by kill -9: its end of the channel closes. */
export const WITH_CHANNEL = { stdio: ['inherit', 'inherit', 'inherit', 'ipc'] }

/** Ends this process the way the child ended, so that whoever waits for this one can't tell the difference. */
export function endLike({ code, signal }) {
  process.exitCode = signal ? 128 + constants.signals[signal] : code
  // Process 1 of a container is immune to its own signals; the exit code above stands in for them there.
  if (signal) process.kill(process.pid, signal)
}

/** One line, and no stack: what went wrong here is the machine's doing. */
export function endWith(error) {
  process.stderr.write(`keycourt: ${error.message}\n`)
  process.exitCode = error.exitCode || 1
}
