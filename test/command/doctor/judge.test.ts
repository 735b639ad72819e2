import { chmod, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { judgeClock } from '../../../server/command/doctor/clock.ts'
import { checkDataDirectory } from '../../../server/command/doctor/data-directory.ts'
import { type DatabaseFacts, judgeDatabase } from '../../../server/command/doctor/database.ts'
import type { Finding } from '../../../server/command/doctor/finding.ts'
import { checkMasterKey, judgeKeyUse } from '../../../server/command/doctor/master-key.ts'
import { judgeRedis, parseInfo } from '../../../server/command/doctor/redis.ts'
import { checkProxy, checkSettings } from '../../../server/command/doctor/settings.ts'
import { deriveMasterKeys } from '../../../server/credentials/master-key.ts'
import { readSettings } from '../../../server/settings.ts'
import { temporaryDirectory } from '../process.ts'

const worst = (findings: readonly Finding[]) =>
  findings.find(({ verdict }) => verdict === 'fail')?.verdict ??
  findings.find(({ verdict }) => verdict === 'warn')?.verdict ??
  'ok'
/** What is not fine, as the operator reads it. */
const complaints = (findings: readonly Finding[]) =>
  findings.flatMap(({ verdict, seen, advice }) => (verdict === 'ok' ? [] : `${verdict}: ${seen} → ${advice}`))

describe('settings', () => {
  test('each wrong one is a finding with its advice', () => {
    const { settings, findings } = checkSettings({ KC_PORT: 'x', REDIS_URL: 'http://:hunter2@h' })
    expect(settings).toBeUndefined()
    expect(complaints(findings)).toEqual([
      'fail: KC_PORT is "x" → it wants a port number from 1 to 65535',
      expect.stringMatching(/^fail: REDIS_URL is not valid → it wants redis:/),
    ])
  })

  test('right ones say which deployment they make', () => {
    expect(checkSettings({}).findings).toEqual([
      { verdict: 'ok', topic: 'settings', seen: 'all valid; deployment: embedded' },
    ])
  })
})

describe('proxy', () => {
  const HTTPS = { KC_LIVE_URL: 'https://api.example.com', KC_SANDBOX_URL: 'https://sandbox.example.com' }
  test.each([
    ['a laptop', {}, []],
    ['behind a proxy', { ...HTTPS, KC_PORT: '3000', KC_TRUST_PROXY: 'on' }, []],
    ['https, and the proxy not trusted', { ...HTTPS, KC_PORT: '3000' }, ['warn: .*KC_TRUST_PROXY is off.*=on']],
    ['https on its own port', { ...HTTPS, KC_TRUST_PROXY: 'on' }, ['warn: .*plain HTTP.* → set KC_PORT']],
    ['trust without a proxy', { KC_TRUST_PROXY: 'on' }, ['warn: .*a client can claim.*KC_TRUST_PROXY=off']],
  ])('%s', (_, environment, expected) => {
    const found = complaints(checkProxy(readSettings(environment)))
    expect(found).toEqual(expected.map((pattern) => expect.stringMatching(pattern)))
  })
})

describe('clock', () => {
  const at = (theirs: number, took = 0) => judgeClock('database', { theirs, asked: 1e12, answered: 1e12 + took })
  test.each([
    [0, 0, 'ok'],
    [900, 0, 'ok'],
    [-1_500, 0, 'warn'],
    [25_000, 0, 'warn'],
    [-31_000, 0, 'fail'],
    // An answer that took 4 s may be from either end of them.
    [3_500, 4_000, 'ok'],
    [6_000, 4_000, 'warn'],
  ])('%i ms away, answered in %i ms: %s', (difference, took, verdict) => {
    expect(at(1e12 + difference, took).verdict).toBe(verdict)
  })

  test('says which way', () => {
    expect(at(1e12 - 2_000).seen).toBe("its clock is 2.0 s behind this machine's")
    expect(at(1e12 + 2_000).seen).toBe("its clock is 2.0 s ahead of this machine's")
  })
})

describe('database', () => {
  const clock = { theirs: 1e12, asked: 1e12, answered: 1e12 }
  const migrations = { applied: ['1_a'], pending: [], edited: [], failed: [] }
  const facts: DatabaseFacts = {
    ...{ version: '17.2', versionNumber: 170002, readOnly: false, mayCreate: true, clock, migrations },
    keyUse: undefined,
  }
  test.each<[string, Partial<DatabaseFacts>, string[]]>([
    ['all is well', {}, []],
    ['too old', { version: '11.22', versionNumber: 110022 }, ['fail: PostgreSQL 11.22 is too old → upgrade']],
    ['unmaintained', { version: '13.1', versionNumber: 130001 }, ['warn: PostgreSQL 13.1 .*→ upgrade']],
    ['a standby', { readOnly: true }, ['fail: it is read-only → .*primary']],
    ['new', { migrations: { ...migrations, applied: [], pending: ['1_a'] } }, []],
    ['behind', { migrations: { ...migrations, pending: ['2_b'] } }, ['warn: 2_b to be applied → .*migrate']],
    ['no right', { mayCreate: false, migrations: { ...migrations, pending: ['2_b'] } }, ['fail: 2_b .* → GRANT']],
    ['no right needed', { mayCreate: false }, []],
    ['edited', { migrations: { ...migrations, edited: ['1_a'] } }, ['fail: 1_a was edited']],
    ['half way', { migrations: { ...migrations, failed: ['1_a'] } }, ['fail: 1_a failed half way']],
  ])('%s', (_, different, expected) => {
    const found = complaints(judgeDatabase({ ...facts, ...different }))
    expect(found).toEqual(expected.map((pattern) => expect.stringMatching(pattern)))
  })
})

describe('redis', () => {
  const clock = { theirs: 1e12, asked: 1e12, answered: 1e12 }
  const info = {
    ...{ redis_version: '7.2.4', maxmemory_policy: 'noeviction', aof_enabled: '1', role: 'master' },
    ...{ cluster_enabled: '0', connected_slaves: '0' },
  }
  test.each<[string, 'single' | 'sentinel' | 'cluster', Record<string, string>, string[]]>([
    ['all is well', 'single', {}, []],
    ['Redis 6', 'single', { redis_version: '6.2.14' }, ['fail: Redis 6.2.14 is too old → upgrade']],
    ['Redis 10', 'single', { redis_version: '10.0.0' }, []],
    ['Valkey', 'single', { server_name: 'valkey', valkey_version: '8.1.0' }, []],
    [
      'eviction',
      'single',
      { maxmemory_policy: 'allkeys-lru' },
      ['fail: maxmemory-policy is allkeys-lru → .*noeviction'],
    ],
    ['volatile eviction', 'cluster', { maxmemory_policy: 'volatile-ttl' }, ['fail: .*volatile-ttl → .*noeviction']],
    ['in memory only', 'single', { aof_enabled: '0' }, ['warn: appendonly is off.* → set `appendonly yes`']],
    ['a replica', 'single', { role: 'slave' }, ['fail: it is a replica → .*master']],
    ['a cluster', 'single', { cluster_enabled: '1' }, ['fail: .*cluster → .*redis\\+cluster://']],
    ['a cluster as such', 'cluster', { cluster_enabled: '1', connected_slaves: '1' }, []],
    ['replicas', 'single', { connected_slaves: '2' }, ['warn: it has 2 replica.* → .*redis\\+sentinel://']],
    ['replicas behind Sentinel', 'sentinel', { connected_slaves: '2' }, []],
  ])('%s', (_, kind, different, expected) => {
    const found = complaints(judgeRedis('redis', kind, { info: { ...info, ...different }, clock }))
    expect(found).toEqual(expected.map((pattern) => expect.stringMatching(pattern)))
  })

  test('INFO is read as it is written', () => {
    expect(parseInfo('# Server\r\nredis_version:7.0.15\r\nexecutable:/a:b\r\n\r\n# Memory\r\n')).toEqual({
      redis_version: '7.0.15',
      executable: '/a:b',
    })
  })
})

describe('data directory', () => {
  test('one that is not there yet is none of its business', async () => {
    const dataDir = join(await temporaryDirectory(), 'none')
    expect(worst(await checkDataDirectory({ dataDir }))).toBe('ok')
  })

  test('a file in its place', async () => {
    const dataDir = join(await temporaryDirectory(), 'file')
    await writeFile(dataDir, '')
    expect(complaints(await checkDataDirectory({ dataDir }))).toEqual([expect.stringMatching(/^fail: .* is a file/)])
  })

  test('what is open to others, with the command that closes it', async () => {
    const dataDir = await temporaryDirectory()
    await chmod(dataDir, 0o755)
    for (const name of ['master.key', 'bootstrap.json']) await writeFile(join(dataDir, name), '', { mode: 0o644 })
    const open = (path: string, mode: string, wanted: string) =>
      `fail: ${path} is open to others (${mode}) → chmod ${wanted} ${path}`
    expect(complaints(await checkDataDirectory({ dataDir }))).toEqual([
      open(dataDir, '0755', '0700'),
      open(join(dataDir, 'master.key'), '0644', '0600'),
      open(join(dataDir, 'bootstrap.json'), '0644', '0600'),
    ])
    await chmod(dataDir, 0o700)
    await chmod(join(dataDir, 'master.key'), 0o600)
    await chmod(join(dataDir, 'bootstrap.json'), 0o400)
    expect(complaints(await checkDataDirectory({ dataDir }))).toEqual([])
  })
})

describe('master key', () => {
  const settings = (dataDir: string) => ({ masterKeys: [], databaseUrl: undefined, dataDir })

  test('none yet, and none is made', async () => {
    const dataDir = join(await temporaryDirectory(), 'none')
    for (let time = 0; time < 2; time++) {
      const { masterKeys, findings } = await checkMasterKey(settings(dataDir))
      expect([masterKeys, worst(findings)]).toEqual([undefined, 'ok'])
      expect(findings[0]?.seen).toMatch(/none yet/)
    }
  })

  test('lost, while the database is there', async () => {
    const dataDir = await temporaryDirectory()
    await mkdir(join(dataDir, 'pgdata'))
    const { findings } = await checkMasterKey(settings(dataDir))
    expect(complaints(findings)).toEqual([expect.stringMatching(/^fail: .* no master.key → restore/)])
  })

  test('damaged', async () => {
    const dataDir = await temporaryDirectory()
    await writeFile(join(dataDir, 'master.key'), 'hunter2')
    const { findings } = await checkMasterKey(settings(dataDir))
    expect(complaints(findings)).toEqual([expect.stringMatching(/^fail: .*is damaged.* → restore/)])
    expect(JSON.stringify(findings)).not.toContain('hunter2')
  })

  test('given: named by its id, never by itself', async () => {
    const key = Buffer.alloc(32, 7)
    const { masterKeys, findings } = await checkMasterKey({ ...settings('/nowhere'), masterKeys: [key] })
    expect(findings[0]?.seen).toContain(masterKeys?.current.id)
    expect(JSON.stringify(findings)).not.toContain(key.toString('base64url'))
  })

  test('not the one that sealed and hashed what is stored', () => {
    const [one, other] = [Buffer.alloc(32, 7), Buffer.alloc(32, 8)].map((key) => deriveMasterKeys([key]))
    if (!one || !other) throw new Error('two keys')
    const use = { signingKeys: [one.current.id], webhooks: [one.current.id], secrets: [one.current.id] }
    expect(complaints(judgeKeyUse(one, use))).toEqual([])
    expect(complaints(judgeKeyUse(other, use))).toEqual([
      expect.stringMatching(/^fail: signing keys are sealed under .*KC_MASTER_KEY/),
      expect.stringMatching(/^fail: webhooks' secrets are sealed under .*KC_MASTER_KEY/),
      expect.stringMatching(/^fail: credentials are hashed under .*KC_MASTER_KEY/),
    ])
  })
})
