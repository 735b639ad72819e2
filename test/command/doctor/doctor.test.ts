import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Finding } from '../../../server/command/doctor/finding.ts'
import { diagnose } from '../../../server/command/doctor.ts'
import { type RedisSet, startRedisCluster } from '../../services/redis.ts'
import { freePorts } from '../../services/server-process.ts'
import { createTestDataDir, type TestDirectory } from '../../services/spaces.ts'
import { MASTER_KEY, onCluster, onPostgres, portOf } from '../postgres.ts'
import { run, type Server, start, temporaryDirectory } from '../process.ts'

const of = (findings: readonly Finding[], topic: string) =>
  findings.filter((finding) => finding.topic.startsWith(topic)).map(({ verdict, seen }) => `${verdict}: ${seen}`)
const failed = (findings: readonly Finding[]) =>
  findings.filter(({ verdict }) => verdict === 'fail').map(({ topic, seen }) => `${topic}: ${seen}`)

describe('beside a running embedded server', () => {
  let directory: TestDirectory
  let environment: Record<string, string>
  let server: Server

  beforeAll(async () => {
    directory = await createTestDataDir()
    const [live, sandbox, metrics] = await freePorts(3)
    environment = {
      KC_LIVE_URL: `http://localhost:${live}`,
      KC_SANDBOX_URL: `http://localhost:${sandbox}`,
      KC_METRICS_PORT: String(metrics),
      KC_DATA_DIR: directory.path,
    }
    server = await start(environment)
  })
  afterAll(() => directory.remove())

  test('asks the server instead of opening its database, and finds nothing wrong', async () => {
    const { code, output, errors } = await run(['doctor'], environment)
    expect({ code, errors }).toEqual({ code: 0, errors: '' })
    const lines = output.trimEnd().split('\n')
    expect(lines.filter((line) => !line.startsWith('ok    '))).toEqual([])
    expect(output).toMatch(/^ok {4}database .* a running server has it open/m)
    expect(output).toMatch(/^ok {4}live issuer .* is alive/m)
    expect(output).toMatch(/^ok {4}test issuer .* is alive/m)
    expect(output.match(/in use by the Keycourt that runs here/g)).toHaveLength(3)
    const made = await server.bootstrap()
    for (const secret of [made.live.client_secret, made.test.client_secret, made.owner.password]) {
      expect(output).not.toContain(secret)
    }
  })

  test('--json says the same', async () => {
    const { code, output } = await run(['doctor', '--json'], environment)
    expect(code).toBe(0)
    const findings: Finding[] = JSON.parse(output)
    expect(findings.map(({ verdict }) => verdict)).toEqual(findings.map(() => 'ok'))
    expect(of(findings, 'database')).toEqual([expect.stringContaining('a running server has it open')])
  })

  test('tells that it answers for other URLs than the settings say', async () => {
    const other = {
      ...environment,
      KC_LIVE_URL: 'http://127.0.0.1:'.concat(String(portOf(environment.KC_LIVE_URL as string))),
    }
    const findings = await diagnose(other)
    expect(of(findings, 'live issuer')).toEqual([expect.stringMatching(/^fail: .*does not answer for this host/)])
    expect(of(findings, 'test issuer')).toEqual([expect.stringMatching(/^ok/)])
  })

  test('opens the database itself once the server has gone', async () => {
    server.kill('SIGTERM')
    expect(await server.ended).toBe(0)
    const findings = await diagnose(environment)
    expect(failed(findings)).toEqual([])
    expect(of(findings, 'database')).toEqual([
      expect.stringMatching(/^ok: PostgreSQL \d/),
      'ok: it is writable',
      "ok: its clock agrees with this machine's",
    ])
    expect(of(findings, 'migrations')).toEqual([expect.stringMatching(/^ok: all \d+ applied/)])
    expect(of(findings, 'master key')).toContainEqual(expect.stringMatching(/^ok: opens all/))
    expect(of(findings, 'live issuer')).toEqual([expect.stringMatching(/^warn: .*nothing answers/)])
    expect(of(findings, 'port')).toEqual(['ok: it is free', 'ok: it is free', 'ok: it is free'])
  })
})

describe('on PostgreSQL and Redis', () => {
  test('a new, empty deployment', async () => {
    const environment = { ...(await onCluster()), KC_DATA_DIR: join(await temporaryDirectory(), 'none') }
    const findings = await diagnose(environment)
    expect(failed(findings)).toEqual([])
    expect(of(findings, 'migrations')).toEqual([expect.stringMatching(/^ok: none applied yet/)])
    expect(of(findings, 'redis')).toEqual([
      expect.stringMatching(/^ok: (Redis|Valkey) \d/),
      'ok: maxmemory-policy is noeviction',
      expect.stringMatching(/^warn: appendonly is off/),
      "ok: its clock agrees with this machine's",
      'ok: it is writable',
    ])
  })

  test('under another master key than what is stored', async () => {
    const environment = await onPostgres()
    const server = await start(environment)
    server.kill('SIGTERM')
    await server.ended
    expect(of(await diagnose(environment), 'master key')).toContainEqual(expect.stringMatching(/^ok: opens all/))
    const other = { ...environment, KC_MASTER_KEY: Buffer.alloc(32, 8).toString('base64url') }
    expect(failed(await diagnose(other))).toEqual([
      expect.stringMatching(/^master key: signing keys are sealed under/),
      expect.stringMatching(/^master key: credentials are hashed under/),
    ])
  })

  test('migrations that were edited since, or that failed half way under another tool', async () => {
    const environment = await onPostgres()
    expect((await run(['migrate'], environment)).code).toBe(0)
    const client = new pg.Client({ connectionString: environment.DATABASE_URL })
    await client.connect()
    const first = '(SELECT min(migration_name) FROM _prisma_migrations)'
    await client.query(`UPDATE _prisma_migrations SET checksum = 'another' WHERE migration_name = ${first}`)
    expect(failed(await diagnose(environment))).toEqual([expect.stringMatching(/^migrations: \S+ was edited/)])
    await client.query(`UPDATE _prisma_migrations SET checksum = 'another'`)
    expect(failed(await diagnose(environment))).toEqual([expect.stringMatching(/^migrations: \S+, .+ were edited/)])
    await client.query(
      `INSERT INTO _prisma_migrations (id, checksum, migration_name) VALUES ('x', 'y', '20990101000000_later')`,
    )
    expect(failed(await diagnose(environment))).toEqual(['migrations: 20990101000000_later failed half way'])
    await client.query('DELETE FROM _prisma_migrations')
    expect(of(await diagnose(environment), 'migrations')).toEqual([expect.stringMatching(/^ok: none applied yet/)])
    await client.end()
  })

  test('stores that are away: a fail each, exit code 1, and no secret', async () => {
    const [nobody, nothing] = (await freePorts(2)) as [number, number]
    const { code, output, errors } = await run(['doctor'], {
      ...(await onPostgres()),
      DATABASE_URL: `postgresql://someone:hunter2@127.0.0.1:${nobody}/none`,
      REDIS_URL: `redis://:hunter3@127.0.0.1:${nothing}`,
      KC_DATA_DIR: join(await temporaryDirectory(), 'none'),
    })
    expect({ code, errors }).toEqual({ code: 1, errors: '' })
    expect(output).toMatch(/^fail {2}database .*ECONNREFUSED.* → check DATABASE_URL/m)
    expect(output).toMatch(/^fail {2}redis .*(ECONNREFUSED|reached).* → check REDIS_URL/m)
    expect(output).not.toMatch(/hunter/)
    expect(output).not.toContain(MASTER_KEY)
  })
})

describe('on a Redis Cluster', () => {
  let cluster: RedisSet
  beforeAll(async () => {
    cluster = await startRedisCluster()
  })
  afterAll(() => cluster.remove())

  test('each master is looked at; one of them alone is told from the whole', async () => {
    const environment = { ...(await onPostgres()), KC_DATA_DIR: join(await temporaryDirectory(), 'none') }
    const whole = await diagnose({ ...environment, REDIS_URL: cluster.url })
    expect(failed(whole)).toEqual([])
    expect(whole.filter(({ seen }) => seen === 'maxmemory-policy is noeviction')).toHaveLength(3)
    const one = await diagnose({ ...environment, REDIS_URL: cluster.nodes[0]?.url })
    expect(failed(one)).toContainEqual('redis: it is a node of a cluster')
  })
})

test('a port that another program has', async () => {
  const squatter = createServer((_, response) => response.end('hello')).listen(0, '127.0.0.1')
  await once(squatter, 'listening')
  const { port } = squatter.address() as AddressInfo
  const [free] = await freePorts(1)
  const findings = await diagnose({
    KC_LIVE_URL: `http://localhost:${port}`,
    KC_SANDBOX_URL: `http://localhost:${free}`,
    KC_DATA_DIR: join(await temporaryDirectory(), 'none'),
  })
  squatter.close()
  expect(of(findings, `port ${port}`)).toEqual(['fail: in use by another program'])
  expect(of(findings, `port ${free}`)).toEqual(['ok: it is free'])
  expect(of(findings, 'live issuer')).toEqual([expect.stringMatching(/^fail: .*no Keycourt/)])
})
