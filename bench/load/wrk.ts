import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'

/** One run of the load generator. Latencies in microseconds. */
export interface Load {
  readonly perSecond: number
  readonly requests: number
  readonly p50: number
  readonly p99: number
  /** Answers that are no success, and connections that broke. */
  readonly errors: number
}

/** What becomes of an answer: nothing, or its refresh token is spent next. */
export type Script = 'requests' | 'refreshes'

interface Wanted {
  readonly port: number
  /** As request.ts writes it. */
  readonly file: string
  readonly seconds: number
  readonly connections: number
  readonly script?: Script
}

/** @throws {Error} a sentence, if there is none. */
export async function ensureWrk(): Promise<void> {
  // `wrk -v` ends with 1.
  const error = await promisify(execFile)('wrk', ['-v']).catch((error: NodeJS.ErrnoException) => error)
  if ('code' in error && error.code === 'ENOENT') throw new Error('wrk is not installed (Debian: apt-get install wrk).')
}

/** From one thread. */
export async function wrk({ port, file, seconds, connections, script = 'requests' }: Wanted): Promise<Load> {
  const lua = join(import.meta.dirname, `${script}.lua`)
  const args = ['-t1', `-c${connections}`, `-d${seconds}s`, '-s', lua, `http://127.0.0.1:${port}`, '--', file]
  const { stdout } = await promisify(execFile)('wrk', args)
  const { microseconds, ...rest } = JSON.parse(/^RESULT (.*)$/m.exec(stdout)?.[1] ?? '{}')
  return { ...rest, perSecond: Math.round(rest.requests / (microseconds / 1e6)) }
}
