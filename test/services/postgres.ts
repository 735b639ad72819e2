import { execFile, execFileSync } from 'node:child_process'
import { chown, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { ensureBinaries } from './binaries.ts'
import { freePorts, type ServerProcess, startServer } from './server-process.ts'

export interface TestServer {
  readonly url: string
  /** Stops it, with its data kept. */
  stop(): Promise<void>
  /** Starts it again where it was. */
  start(): Promise<void>
  suspend(): void
  resume(): void
  /** Stops it and removes its data. */
  remove(): Promise<void>
}

/** No fsync: it needn't survive the machine. The odd time zone proves that nothing here depends on UTC servers. */
const SETTINGS = [
  ...['fsync=off', 'full_page_writes=off', 'max_connections=300', 'shared_buffers=64MB', 'timezone=Asia/Kolkata'],
  ...['listen_addresses=127.0.0.1', 'unix_socket_directories='],
].flatMap((setting) => ['-c', setting])

/** A PostgreSQL of one's own, empty. */
export async function startPostgres(): Promise<TestServer> {
  const { initdb, postgres } = ensureBinaries()
  const owner = unprivileged()
  const home = await mkdtemp(join(tmpdir(), 'keycourt-postgres-'))
  if (owner) await chown(home, owner.uid, owner.gid)
  const data = join(home, 'data')
  const options = ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync']
  await promisify(execFile)(initdb, options, { ...owner, cwd: '/' })
  const [port] = (await freePorts(1)) as [number]
  const start = () => startServer(postgres, ['-D', data, '-p', String(port), ...SETTINGS], owner)
  // Immediate: like a crash, but its own processes are collected.
  return restartable(`postgresql://postgres@127.0.0.1:${port}/postgres`, start, home, 'SIGQUIT')
}

export async function restartable(
  url: string,
  start: () => Promise<ServerProcess>,
  home: string,
  end: NodeJS.Signals = 'SIGKILL',
): Promise<TestServer> {
  let server = await start()
  return {
    url,
    stop: () => server.kill(end),
    async start() {
      server = await start()
    },
    suspend: () => server.suspend(),
    resume: () => server.resume(),
    async remove() {
      await server.kill(end)
      await rm(home, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 })
    },
  }
}

/** PostgreSQL refuses to run as root: there, as the user that its package made. */
function unprivileged(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined
  const id = (flag: string) => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }))
  return { uid: id('-u'), gid: id('-g') }
}
