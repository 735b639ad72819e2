import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as pause } from 'node:timers/promises'

const ROOT = join(import.meta.dirname, '..')

/** A server under measurement: one process, or several that share a port. */
export interface Running {
  readonly pid: number
  /** Microseconds, user and system, of all its processes so far. NaN where there is no /proc. */
  processorTime(): Promise<number>
  /** Resident bytes of all its processes. NaN where there is no /proc. */
  residentBytes(): Promise<number>
  stop(): Promise<void>
}

interface Script {
  readonly path: string
  readonly args?: readonly string[]
  readonly nodeArgs?: readonly string[]
  readonly environment?: Readonly<Record<string, string>>
  /** What it prints when it is ready. */
  readonly ready: RegExp
  /** What answers with success from then on, where printing it was too early. */
  readonly probe?: string
}

/** Runs a script of this repository in the Node that runs this. @throws {Error} if it ends before it is ready. */
export async function run({
  path,
  args = [],
  nodeArgs = [],
  environment = {},
  ready,
  probe,
}: Script): Promise<Running> {
  const child = spawn(process.execPath, [...nodeArgs, join(ROOT, path), ...args], {
    env: { ...process.env, NODE_ENV: 'production', ...environment },
    // The channel ends it when this process ends, however that happens.
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  })
  const pid = child.pid as number
  child.channel?.unref()
  await printed(child, ready, path)
  if (probe && !(await answers(probe))) throw new Error(`${path} doesn't answer.`)
  await atRest(pid)
  return {
    pid,
    processorTime: () => processorTime(pid),
    residentBytes: () => residentBytes(pid),
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return
      const ended = once(child, 'exit')
      child.kill('SIGTERM')
      await ended
    },
  }
}

async function printed(child: ChildProcess, ready: RegExp, path: string): Promise<void> {
  const { stdout } = child
  if (!stdout) throw new Error('it has no output')
  const isReady = await new Promise<boolean>((resolve) => {
    const lines = createInterface({ input: stdout })
    lines.on('line', (line) => {
      if (ready.test(line)) resolve(true)
    })
    lines.on('close', () => resolve(false))
  })
  if (!isReady) throw new Error(`${path} ended before it was ready.`)
}

/** Milliseconds. */
const LOOK = 300
const MOST_LOOKS = 100

async function answers(probe: string): Promise<boolean> {
  for (let look = 0; look < MOST_LOOKS; look++) {
    const { ok } = await fetch(probe).catch(() => ({ ok: false }))
    if (ok) return true
    await pause(LOOK)
  }
  return false
}

/** Until it has loaded: a worker that shares the port doesn't say when it is there. */
async function atRest(pid: number): Promise<void> {
  for (let look = 0; look < MOST_LOOKS; look++) {
    const before = await processorTime(pid)
    await pause(LOOK)
    const used = (await processorTime(pid)) - before
    if (!(used > (LOOK * 1000) / 20)) return
  }
}

const TICK = 10_000
const PAGE = 4096

/** proc(5), stat: fields 14 and 15, in hundredths of a second. */
async function processorTime(root: number): Promise<number> {
  const fields = await fieldsOf(root)
  return fields.reduce(
    (sum, each) => sum + (Number(each[11]) + Number(each[12])) * TICK,
    fields.length ? 0 : Number.NaN,
  )
}

/** proc(5), stat: field 24, in pages. */
async function residentBytes(root: number): Promise<number> {
  const fields = await fieldsOf(root)
  return fields.reduce((sum, each) => sum + Number(each[21]) * PAGE, fields.length ? 0 : Number.NaN)
}

/** Of a process and all that came of it, from the third field on: the second is its name, which may hold anything. */
async function fieldsOf(root: number): Promise<string[][]> {
  const names = await readdir('/proc').catch(() => [])
  const stats = await Promise.all(
    names.filter((name) => /^\d+$/.test(name)).map((name) => readFile(`/proc/${name}/stat`, 'utf8').catch(() => '')),
  )
  const known = new Map(
    stats.filter(Boolean).map((stat) => [Number.parseInt(stat, 10), stat.replace(/^.*\) /s, '').split(' ')] as const),
  )
  const isOf = (pid: number): boolean => pid === root || (pid > 1 && isOf(Number(known.get(pid)?.[1] ?? 0)))
  return [...known].filter(([pid]) => isOf(pid)).map(([, fields]) => fields)
}
