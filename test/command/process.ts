import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, vi } from 'vitest'
import type { Bootstrap } from '../../server/tenancy/bootstrap.ts'

const ROOT = join(import.meta.dirname, '../..')
const MAIN = join(ROOT, 'server/command/main.ts')
/** What `npm start` runs: it installs what is missing, then hands on to the above. */
export const LAUNCHER = join(ROOT, 'bin/keycourt.mjs')

// Whole processes share two cores with other tests and the stores: what takes 2 s alone may take 15.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

// Registered once per test file, since a test can't register any: what is left over ends, and its files go.
const children = new Set<ChildProcess>()
const directories = new Set<string>()
afterAll(async () => {
  for (const child of children) child.kill('SIGKILL')
  await Promise.all([...directories].map((path) => rm(path, { recursive: true, force: true, maxRetries: 20 })))
})

export type Environment = Readonly<Record<string, string | undefined>>

/** A command under way. */
export interface Running {
  readonly pid: number
  /** Standard output and standard error so far. */
  output(): string
  errors(): string
  /** Resolves with the `count`th match in standard output, also of what came before the call. */
  printed(pattern: RegExp, count?: number): Promise<RegExpExecArray>
  kill(signal: NodeJS.Signals): void
  /** Resolves when it is gone and all that it said has been read: exit code, or the signal that ended it. */
  readonly ended: Promise<number | NodeJS.Signals>
}

/** Starts `keycourt <args>` as a process of its own, on the Node that runs the tests, which is the pinned one. */
export function keycourt(args: readonly string[], environment: Environment = {}, main = MAIN): Running {
  const { PATH, HOME } = process.env // nothing else: a KC_ variable of the developer's is no part of a test
  const child = spawn(process.execPath, [main, ...args], {
    cwd: tmpdir(),
    env: { PATH, HOME, ...environment },
    // The channel ends it when this process ends, however that happens.
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  })
  children.add(child)
  return running(child)
}

function running(child: ChildProcess): Running {
  const said = { stdout: '', stderr: '' }
  const waiting = new Set<() => void>()
  const tell = () => {
    for (const look of [...waiting]) look()
  }
  for (const name of ['stdout', 'stderr'] as const) {
    child[name]?.setEncoding('utf8').on('data', (chunk: string) => {
      said[name] += chunk
      tell()
    })
  }
  let isOver = false
  const ended = once(child, 'close').then(([code, signal]) => {
    isOver = true
    tell()
    return code ?? signal
  })
  return {
    pid: child.pid as number,
    output: () => said.stdout,
    errors: () => said.stderr,
    printed: (pattern, count = 1) =>
      new Promise((resolve, reject) => {
        const look = () => {
          const found = [...said.stdout.matchAll(new RegExp(pattern, 'gm'))][count - 1]
          if (!found && !isOver) return
          waiting.delete(look)
          if (found) resolve(found)
          else reject(new Error(`it ended before it printed ${pattern}:\n${said.stdout}\n${said.stderr}`))
        }
        waiting.add(look)
        look()
      }),
    kill: (signal) => void child.kill(signal),
    ended,
  }
}

/** A server that listens. */
export interface Server extends Running {
  readonly dataDir: string
  /** What its first start wrote. */
  bootstrap(): Promise<Bootstrap>
}

export const LISTENING = /"msg":"listening"/

/** Starts a server and waits until it listens (`listeners` times, if it has workers). */
export async function start(environment: Environment, { listeners = 1, main = MAIN } = {}): Promise<Server> {
  const dataDir = environment.KC_DATA_DIR ?? (await temporaryDirectory())
  const server = keycourt(['start'], { ...environment, KC_DATA_DIR: dataDir }, main)
  await server.printed(LISTENING, listeners)
  return {
    ...server,
    dataDir,
    bootstrap: async () => JSON.parse(await readFile(join(dataDir, 'bootstrap.json'), 'utf8')),
  }
}

/** Runs a command to its end. */
export async function run(args: readonly string[], environment: Environment = {}) {
  const command = keycourt(args, environment)
  return { code: await command.ended, output: command.output(), errors: command.errors() }
}

/** Gone after the suite. */
export async function temporaryDirectory(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'keycourt-command-'))
  directories.add(path)
  return path
}
