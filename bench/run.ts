import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { startPostgres } from '../test/services/postgres.ts'
import { startRedis } from '../test/services/redis.ts'
import { freePorts } from '../test/services/server-process.ts'
import { type Load, load, type Target, writeRequests } from './load.ts'
import { seedKeys } from './seed.ts'

/**
 * `npm run bench`: mint and introspect on the cluster deployment with one process, over 10,000 distinct clients, each
 * in turn with its floor in the same run. What counts is the ratio; absolute figures are the machine's.
 */
const CLIENTS = Number(process.env.BENCH_CLIENTS ?? 10_000)
const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 5)
const SECONDS = Number(process.env.BENCH_SECONDS ?? 5)
const ROOT = join(import.meta.dirname, '..')
const MASTER_KEY = Buffer.alloc(32, 3)

const dir = await mkdtemp(join(tmpdir(), 'keycourt-bench-'))
const [postgres, redis] = await Promise.all([startPostgres(), startRedis()])
const [floorPort, livePort, testPort] = (await freePorts(3)) as [number, number, number]
const children: ReturnType<typeof spawn>[] = []

async function start(script: string, args: string[], environment: object, ready: RegExp): Promise<number> {
  const child = spawn(
    process.execPath,
    [...(process.env.BENCH_NODE_ARGS?.split(' ') ?? []), join(ROOT, script), ...args],
    {
      env: { ...process.env, ...environment },
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  )
  children.push(child)
  const lines = createInterface({ input: child.stdout })
  for await (const line of lines) if (ready.test(line)) break
  child.stdout.resume()
  return child.pid as number
}

try {
  const settings = { databaseUrl: postgres.url, redisUrl: redis.url, dataDir: dir }
  const environment = {
    ...{ DATABASE_URL: postgres.url, REDIS_URL: redis.url, KC_DATA_DIR: dir, NODE_ENV: 'production' },
    KC_MASTER_KEY: MASTER_KEY.toString('base64url'),
    KC_LIVE_URL: `http://localhost:${livePort}`,
    KC_SANDBOX_URL: `http://localhost:${testPort}`,
    KC_LOG_LEVEL: process.env.KC_LOG_LEVEL ?? 'warn',
  }
  const serverPid = await start('server/command/main.ts', ['start'], environment, /Keycourt is running/)
  const floorPid = await start(
    'bench/floor.ts',
    [String(floorPort), redis.url],
    { NODE_ENV: 'production' },
    /listening/,
  )
  const clients = await seedKeys(settings, MASTER_KEY, CLIENTS)

  const host = `localhost:${livePort}`
  const mints = clients.map((client) => [client, 'grant_type=client_credentials&scope=api-keys:read'] as const)
  const tokens = await mintEach(clients)
  const introspections = tokens.map((token, at) => [clients[at] as string, `token=${token}`] as const)
  const nothing = await writeRequests(join(dir, 'floor'), [['', '']])
  const at = { port: livePort, host, pid: serverPid }
  const floor = { port: floorPort, host: 'localhost', file: nothing, pid: floorPid }
  const pairs: [Target, Target][] = [
    [
      { ...at, name: 'mint', path: '/oauth/token', file: await writeRequests(join(dir, 'mint'), mints) },
      { ...floor, name: 'one Redis write', path: '/write' },
    ],
    [
      {
        ...{ ...at, name: 'introspect', path: '/oauth/introspect' },
        file: await writeRequests(join(dir, 'introspect'), introspections),
      },
      { ...floor, name: 'one Redis read', path: '/read' },
    ],
  ]
  process.stdout.write(`${cpus()[0]?.model}, ${cpus().length} cores, Node ${process.version}, ${CLIENTS} clients\n`)
  for (const [ours, bare] of pairs) report(ours.name, bare.name, await compare(ours, bare))
} finally {
  for (const child of children) {
    child.kill('SIGTERM')
    await once(child, 'exit')
  }
  await Promise.all([postgres.remove(), redis.remove()])
  await rm(dir, { recursive: true, force: true })
}

async function mintEach(clients: readonly string[]): Promise<string[]> {
  const tokens: string[] = []
  for (let at = 0; at < clients.length; at += 100) {
    const answers = clients.slice(at, at + 100).map(async (authorization) => {
      const answer = await fetch(`http://localhost:${livePort}/oauth/token`, {
        method: 'POST',
        headers: { authorization },
        body: new URLSearchParams({ grant_type: 'client_credentials', scope: 'api-keys:read' }),
      })
      return ((await answer.json()) as { access_token: string }).access_token
    })
    tokens.push(...(await Promise.all(answers)))
  }
  return tokens
}

/** A B A B …, so that a machine whose speed drifts slows both. The first of each warms up and isn't counted. */
async function compare(ours: Target, bare: Target): Promise<[Load, Load][]> {
  await load(ours, SECONDS)
  await load(bare, SECONDS)
  const rounds: [Load, Load][] = []
  for (let round = 0; round < ROUNDS; round++) rounds.push([await load(ours, SECONDS), await load(bare, SECONDS)])
  return rounds
}

function report(name: string, floorName: string, rounds: [Load, Load][]): void {
  const median = (values: number[]) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)] as number
  const ours = rounds.map(([load]) => load)
  const ratios = rounds.map(([load, bare]) => load.perSecond / bare.perSecond)
  const errors = ours.reduce((sum, load) => sum + load.errors, 0)
  process.stdout.write(
    `${name}: ${median(ours.map(({ perSecond }) => perSecond))}/s, p50 ${median(ours.map(({ p50 }) => p50))} µs, ` +
      `p99 ${median(ours.map(({ p99 }) => p99))} µs, errors ${errors}; ` +
      `${floorName}: ${median(rounds.map(([, bare]) => bare.perSecond))}/s; ` +
      `processor time per request ${median(ours.map(({ cpu }) => cpu)).toFixed(0)} and ${median(rounds.map(([, bare]) => bare.cpu)).toFixed(0)} µs; ` +
      `ratio ${median(ratios).toFixed(2)} (${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)})\n`,
  )
}
