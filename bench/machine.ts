import { execFile } from 'node:child_process'
import { availableParallelism, cpus, totalmem } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { ensureBinaries } from '../test/services/binaries.ts'

export interface Machine {
  readonly processor: string
  readonly cores: number
  /** Gigabytes. */
  readonly memory: number
  readonly node: string
  readonly redis: string
  readonly postgres: string
}

export async function describeMachine(): Promise<Machine> {
  const { redisServer, postgres } = ensureBinaries()
  const version = async (path: string) => /\d+(\.\d+)+/.exec(await output(path, '--version'))?.[0] ?? 'unknown'
  return {
    processor: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memory: Math.round(totalmem() / 2 ** 30),
    node: process.version,
    redis: await version(redisServer),
    postgres: await version(postgres),
  }
}

/** The results of a run before this one are no change of what is measured. */
const BUT_RESULTS = ['--', '.', ':!bench/results']

export async function describeCommit(): Promise<string> {
  try {
    const commit = (await output('git', 'rev-parse', '--short=10', 'HEAD')).trim()
    return (await output('git', 'status', '--porcelain', ...BUT_RESULTS)).trim() ? `${commit}+` : commit
  } catch {
    return 'unknown'
  }
}

const ROOT = join(import.meta.dirname, '..')

const output = (command: string, ...args: string[]): Promise<string> =>
  promisify(execFile)(command, args, { cwd: ROOT }).then(({ stdout }) => stdout)
