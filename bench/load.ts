import { execFile } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

/** One run of the load generator. Latencies in microseconds. */
export interface Load {
  readonly perSecond: number
  readonly p50: number
  readonly p99: number
  readonly errors: number
  /** Microseconds of processor time that the server took per request: steadier than the rate on a busy machine. */
  readonly cpu: number
}

export interface Target {
  readonly name: string
  readonly port: number
  readonly path: string
  /** The server's process. */
  readonly pid: number
  readonly host: string
  /** The file with its requests; see requests.lua. */
  readonly file: string
}

const LUA = join(import.meta.dirname, 'requests.lua')

/** Runs wrk for `seconds` with 32 connections from one thread. @throws if wrk is not installed (Debian: `wrk`). */
export async function load({ port, path, host, file, pid }: Target, seconds: number): Promise<Load> {
  const args = ['-t1', '-c32', `-d${seconds}s`, '-s', LUA, `http://127.0.0.1:${port}`, '--', path, host, file]
  const before = await processorTime(pid)
  const { stdout } = await promisify(execFile)('wrk', args)
  const result = JSON.parse(/^RESULT (.*)$/m.exec(stdout)?.[1] ?? '{}')
  const cpu = ((await processorTime(pid)) - before) / result.requests
  return { ...result, cpu, perSecond: Math.round(result.requests / (result.microseconds / 1e6)) }
}

/** Microseconds, user and system; proc(5): fields 14 and 15, in hundredths of a second. */
async function processorTime(pid: number): Promise<number> {
  const fields = (await readFile(`/proc/${pid}/stat`, 'utf8')).replace(/^.*\) /, '').split(' ')
  return (Number(fields[11]) + Number(fields[12])) * 10_000
}

/** @param requests pairs of Authorization header and form */
export async function writeRequests(file: string, requests: readonly (readonly [string, string])[]): Promise<string> {
  await writeFile(file, `${requests.map((pair) => pair.join('\t')).join('\n')}\n`)
  return file
}
