import { execFile } from 'node:child_process'
import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { ensureBinaries } from './binaries.ts'
import { restartable, type TestServer } from './postgres.ts'
import { freePorts, type ServerProcess, startServer } from './server-process.ts'

const IN_MEMORY = ['--save', '', '--appendonly', 'no', '--bind', '127.0.0.1', '--daemonize', 'no']

/** A single Redis of one's own. Its logical databases keep test files apart: see spaces.ts. */
export async function startRedis(...options: string[]): Promise<TestServer> {
  const [port] = (await freePorts(1)) as [number]
  const home = await redisHome()
  const start = () => node(port, home, ['--databases', '1000', ...options])
  return restartable(`redis://127.0.0.1:${port}`, start, home)
}

/** Several servers behind one URL, to be killed one by one. */
export interface RedisSet {
  readonly url: string
  readonly nodes: readonly TestServer[]
  remove(): Promise<void>
}

/** Three masters, the first three of its nodes, and so many replicas of each. */
export async function startRedisCluster({ replicas = 0 } = {}): Promise<RedisSet> {
  const count = 3 + 3 * replicas
  const ports = await freePorts(2 * count)
  const processes: ServerProcess[] = []
  const nodes = await Promise.all(
    ports.slice(0, count).map(async (port, at) => {
      const home = await redisHome()
      const clustered = ['--cluster-enabled', 'yes', '--cluster-port', String(ports[at + count])]
      const start = async () => {
        const server = await node(port, home, [...clustered, '--cluster-node-timeout', '2000'])
        processes[at] = server
        return server
      }
      return restartable(`redis://127.0.0.1:${port}`, start, home)
    }),
  )
  const addresses = nodes.map(({ url }) => new URL(url).host)
  const shape = ['--cluster-replicas', String(replicas), '--cluster-yes']
  await promisify(execFile)(ensureBinaries().redisCli, ['--cluster', 'create', ...addresses, ...shape])
  await Promise.all(processes.map((server) => server.logged(/Cluster state changed: ok/)))
  // Until then a replica is none that could take over.
  await Promise.all(processes.slice(3).map((server) => server.logged(/sync: Finished with success/)))
  return setOf(`redis+cluster://${addresses.join(',')}`, nodes)
}

export const SENTINEL_MASTER = 'keycourt'

/** A master, its replica, and one Sentinel that promotes the replica when the master is away for a second. */
export async function startSentinel(): Promise<RedisSet> {
  const [master, replica, sentinel] = (await freePorts(3)) as [number, number, number]
  const data = async (port: number, options: string[]) => {
    const home = await redisHome()
    return restartable(
      `redis://127.0.0.1:${port}`,
      () => node(port, home, ['--repl-diskless-sync-delay', '0', ...options]),
      home,
    )
  }
  const nodes = [await data(master, []), await data(replica, ['--replicaof', `127.0.0.1 ${master}`])]
  const home = await redisHome()
  const watching = `sentinel monitor ${SENTINEL_MASTER} 127.0.0.1 ${master} 1
sentinel down-after-milliseconds ${SENTINEL_MASTER} 1000
sentinel failover-timeout ${SENTINEL_MASTER} 5000\n`
  await writeFile(join(home, 'sentinel.conf'), watching)
  const start = async () => {
    const server = await node(sentinel, home, [], [join(home, 'sentinel.conf'), '--sentinel'])
    await server.logged(/\+slave /)
    return server
  }
  nodes.push(await restartable(`redis://127.0.0.1:${sentinel}`, start, home))
  return setOf(`redis+sentinel://127.0.0.1:${sentinel}/${SENTINEL_MASTER}`, nodes)
}

const setOf = (url: string, nodes: readonly TestServer[]): RedisSet => ({
  url,
  nodes,
  async remove() {
    await Promise.all(nodes.map((one) => one.remove()))
  },
})

const redisHome = () => mkdtemp(join(tmpdir(), 'keycourt-redis-'))

const node = (port: number, home: string, options: string[], first: string[] = IN_MEMORY): Promise<ServerProcess> =>
  startServer(ensureBinaries().redisServer, [...first, '--port', String(port), '--dir', home, ...options])
