import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { createServer } from 'node:net'

/** A server that a test may hurt. */
export interface ServerProcess {
  /** Resolves when the server has logged a line that matches, also before the call. */
  logged(pattern: RegExp): Promise<void>
  /** SIGSTOP: it holds its connections and answers nothing. */
  suspend(): void
  resume(): void
  /** Resolves when it is gone. */
  kill(signal?: NodeJS.Signals): Promise<void>
}

/**
 * Runs the server under a shell that holds our pipe: when this process dies, by whatever signal, the pipe closes and
 * the shell kills the server. Nothing is left behind.
 */
const GUARD = `exec 3<&0; "$@" & server=$!; echo "pid $server"; { read _ <&3; kill -KILL $server; } & wait $server`

interface Options {
  readonly uid?: number
  readonly gid?: number
}

/** Starts `command` and waits until it says that it is ready. @throws {Error} with its output if it ends before. */
export async function startServer(
  command: string,
  args: readonly string[],
  options: Options = {},
): Promise<ServerProcess> {
  const shell = spawn('sh', ['-c', GUARD, 'sh', command, ...args], { stdio: 'pipe', cwd: '/', ...options })
  const log = followed(shell)
  await log.logged(/^pid \d+$/m)
  const pid = Number(/^pid (\d+)$/m.exec(log.text())?.[1])
  await log.logged(/ready to accept connections|Sentinel ID is/i)
  const family = () => [pid, ...childrenOf(pid)]
  const signal = (name: NodeJS.Signals) => {
    for (const member of family()) send(member, name)
  }
  return {
    logged: log.logged,
    suspend: () => signal('SIGSTOP'),
    resume: () => signal('SIGCONT'),
    async kill(name = 'SIGKILL') {
      if (shell.exitCode !== null || shell.signalCode !== null) return
      const gone = once(shell, 'exit')
      send(pid, name)
      send(pid, 'SIGCONT')
      await gone
    },
  }
}

/** It may be gone already. */
function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

function followed(shell: ChildProcess) {
  let text = ''
  let ended = false
  const waiting = new Set<() => void>()
  const tell = () => {
    for (const look of [...waiting]) look()
  }
  for (const stream of [shell.stdout, shell.stderr]) {
    stream?.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk
      tell()
    })
  }
  shell.stdin?.on('error', () => {})
  shell.on('exit', () => {
    ended = true
    shell.stdin?.destroy()
    tell()
  })
  const logged = (pattern: RegExp) =>
    new Promise<void>((resolve, reject) => {
      const look = () => {
        const seen = pattern.test(text)
        if (!seen && !ended) return
        waiting.delete(look)
        if (seen) resolve()
        else reject(new Error(`a server ended before it logged ${pattern}:\n${text.slice(-2_000)}`))
      }
      waiting.add(look)
      look()
    })
  return { text: () => text, logged }
}

/** PostgreSQL's backends are processes of their own. Empty where there is no /proc. */
function childrenOf(parent: number): number[] {
  try {
    const processes = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
    return processes.filter((name) => parentOf(name) === parent).map(Number)
  } catch {
    return []
  }
}

function parentOf(pid: string): number | undefined {
  try {
    // The name may hold spaces and parentheses; what follows the last one doesn't.
    return Number(readFileSync(`/proc/${pid}/stat`, 'utf8').split(')').at(-1)?.split(' ')[2])
  } catch {
    return undefined
  }
}

/** Ports that were free a moment ago, all different. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer().listen(0, '127.0.0.1')
      await once(server, 'listening')
      return server
    }),
  )
  const ports = servers.map((server) => (server.address() as { port: number }).port)
  await Promise.all(servers.map((server) => once(server.close(), 'close')))
  return ports
}
