import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { startPostgres } from '../test/services/postgres.ts'
import { startRedis } from '../test/services/redis.ts'
import { freePorts } from '../test/services/server-process.ts'
import { introspections, tokenRequests } from './timing-cases.ts'
import { judge } from './timing-judge.ts'
import { openWorld } from './timing-world.ts'

/**
 * `npm run timing`: whether the time of a refusal tells more than its answer does. The real server on real stores, one
 * request at a time on one connection. Not for CI: on a busy machine it says that it can't tell, and fails.
 */
const SAMPLES = Number(process.env.TIMING_SAMPLES ?? 10_000)
/** Microseconds: less than what a round trip of a network varies by, and than anything that a store is asked. */
const THRESHOLD = Number(process.env.TIMING_THRESHOLD ?? 25)
const ROOT = join(import.meta.dirname, '..')
const MASTER_KEY = Buffer.alloc(32, 5)

const dir = await mkdtemp(join(tmpdir(), 'keycourt-timing-'))
const [postgres, redis] = await Promise.all([startPostgres(), startRedis()])
const [live, test] = (await freePorts(2)) as [number, number]
const server = spawn(process.execPath, [join(ROOT, 'server/command/main.ts'), 'start'], {
  env: {
    ...{ ...process.env, DATABASE_URL: postgres.url, REDIS_URL: redis.url, KC_DATA_DIR: dir, NODE_ENV: 'production' },
    ...{ KC_MASTER_KEY: MASTER_KEY.toString('base64url'), KC_LOG_LEVEL: 'warn', KC_TRUST_PROXY: 'on' },
    ...{ KC_LIVE_URL: `http://localhost:${live}`, KC_SANDBOX_URL: `http://localhost:${test}` },
  },
  stdio: ['ignore', 'pipe', 'inherit'],
})
try {
  for await (const line of createInterface({ input: server.stdout })) if (/Keycourt is running/.test(line)) break
  server.stdout.resume()
  const world = await openWorld({ databaseUrl: postgres.url, redisUrl: redis.url, dataDir: dir }, MASTER_KEY)
  const plan = { port: live, samples: SAMPLES, threshold: THRESHOLD }
  process.stdout.write(
    `${cpus()[0]?.model}, ${cpus().length} cores, Node ${process.version}, ${SAMPLES} samples of each, threshold ${THRESHOLD} µs\n`,
  )
  process.stdout.write('\nPOST /oauth/token\n')
  const token = await tokenRequests(world, { live, test }, SAMPLES + 1_000)
  let wrong = await judge(token.cases, token.pairs, plan)
  process.stdout.write('\nPOST /oauth/introspect\n')
  const introspection = await introspections(world, { live, test })
  wrong += await judge(introspection.cases, introspection.pairs, plan)
  await world.close()
  process.exitCode = wrong ? 1 : 0
} finally {
  server.kill('SIGTERM')
  await once(server, 'exit')
  await Promise.all([postgres.remove(), redis.remove()])
  await rm(dir, { recursive: true, force: true })
}
