import { describe, expect, test } from 'vitest'
import { deploymentOf, describeSettings, readSettings, SETTINGS, SettingsError } from '../server/settings.ts'

const MASTER_KEY = Buffer.alloc(32, 1).toString('base64url')
const OTHER_KEY = Buffer.alloc(32, 2).toString('base64url')

/** The sentences that a start with this environment ends with. */
function complaints(environment: Record<string, string>): string[] {
  try {
    readSettings(environment)
  } catch (error) {
    expect(error).toBeInstanceOf(SettingsError)
    return (error as Error).message.split('\n')
  }
  return []
}

const definitionOf = (name: string) => Object.values(SETTINGS).find((setting) => setting.name === name)

test('with nothing set, the contract’s defaults', () => {
  const settings = readSettings({})
  expect(settings).toMatchObject({
    ...{ port: undefined, host: undefined, databaseUrl: undefined, redisUrl: undefined, masterKeys: [] },
    ...{ trustProxy: false, outboundAllow: [], workers: 1, logLevel: 'info', metricsPort: undefined },
    ...{ otlpEndpoint: undefined, keyRotationDays: 90, apiRateLimit: 1_200 },
    secretScanningKeysUrl: new URL('https://api.github.com/meta/public_keys/secret_scanning'),
  })
  expect([settings.liveUrl.origin, settings.sandboxUrl.origin]).toEqual([
    'http://localhost:3000',
    'http://localhost:3001',
  ])
  expect(settings.dataDir).toMatch(/^\/.*\/data$/)
})

test('an empty variable counts as unset, and unknown ones are nobody’s business', () => {
  const empty = Object.fromEntries(Object.values(SETTINGS).map(({ name }) => [name, '']))
  expect(readSettings({ ...empty, KC_UNHEARD_OF: 'x' })).toEqual(readSettings({}))
})

describe('right', () => {
  test.each([
    ['KC_LIVE_URL', 'https://api.example.com'],
    ['KC_LIVE_URL', 'https://api.example.com:8443/'],
    ['KC_LIVE_URL', 'http://127.0.0.1:9999'],
    ['KC_LIVE_URL', 'http://[::1]:9999'],
    ['KC_PORT', '65535'],
    ['KC_HOST', '0.0.0.0'],
    ['KC_HOST', '::'],
    ['KC_HOST', 'localhost'],
    ['KC_MASTER_KEY', MASTER_KEY],
    ['KC_MASTER_KEY', `${MASTER_KEY}, ${OTHER_KEY}`],
    ['KC_TRUST_PROXY', 'on'],
    ['KC_TRUST_PROXY', '0'],
    ['KC_OUTBOUND_ALLOW', 'localhost:9000, 10.0.0.0/8,fd00::/8,idp.internal,192.0.2.1'],
    ['KC_LOG_LEVEL', 'silent'],
    ['KC_METRICS_PORT', '9090'],
    ['OTEL_EXPORTER_OTLP_ENDPOINT', 'http://collector:4318'],
    ['KC_KEY_ROTATION_DAYS', '1'],
  ])('%s=%s', (name, value) => {
    expect(complaints({ [name]: value })).toEqual([])
  })

  test('each deployment', () => {
    const database = { DATABASE_URL: 'postgres://kc@db/kc', KC_MASTER_KEY: MASTER_KEY }
    expect(deploymentOf(readSettings({}))).toBe('embedded')
    expect(deploymentOf(readSettings(database))).toBe('database')
    for (const REDIS_URL of [
      'redis://:p@cache:6379/1',
      'rediss://cache',
      'redis+sentinel://a:26379,b:26379/main',
      'redis+cluster://a:1,b:2',
    ]) {
      expect(deploymentOf(readSettings({ ...database, REDIS_URL, KC_WORKERS: '4' }))).toBe('cluster')
    }
  })

  test('several master keys, the current one first', () => {
    const { masterKeys } = readSettings({ KC_MASTER_KEY: `${OTHER_KEY},${MASTER_KEY}` })
    expect(masterKeys.map((key) => key[0])).toEqual([2, 1])
  })
})

describe('wrong: one sentence with the name, what it got and what it wants', () => {
  test.each(
    [
      ...[
        'api.example.com',
        'http://api.example.com',
        'https://a.example/path',
        'https://a.example?q',
        'https://a.example#f',
      ],
      ...[
        'ftp://a.example',
        'http://127.0.0.1.evil.example',
        'http://localhost.evil.example',
        'https://',
        'javascript:x',
      ],
    ].flatMap((value) => ['KC_LIVE_URL', 'KC_SANDBOX_URL'].map((name) => [name, value] as const)),
  )('%s=%s', (name, value) => {
    expect(complaints({ [name]: value })).toEqual([`${name} is "${value}"; it wants ${definitionOf(name)?.wants}.`])
  })

  test.each([
    ...['0', '65536', '-1', '80.5', 'http', '0x50', '1e3', ' 3000'].map((value) => ['KC_PORT', value] as const),
    ...['example.com', '256.1.1.1', '127.0.0.1:80', '[::1]'].map((value) => ['KC_HOST', value] as const),
    ...['maybe', 'yes', 'TRUE', '2'].map((value) => ['KC_TRUST_PROXY', value] as const),
    ...['http://a', '10.0.0.0/33', '10.0.0/8', 'fd00::/129', 'a b', '*', 'a/b', '/8'].map(
      (value) => ['KC_OUTBOUND_ALLOW', value] as const,
    ),
    ...['0', '257', '1.5', 'two', '-2'].map((value) => ['KC_WORKERS', value] as const),
    ...['verbose', 'INFO'].map((value) => ['KC_LOG_LEVEL', value] as const),
    ...['0', '70000', 'x'].map((value) => ['KC_METRICS_PORT', value] as const),
    ...['0', '3651', '1d'].map((value) => ['KC_KEY_ROTATION_DAYS', value] as const),
  ])('%s=%s', (name, value) => {
    expect(complaints({ [name]: value })).toEqual([`${name} is "${value}"; it wants ${definitionOf(name)?.wants}.`])
  })

  // What may hold a password is not repeated.
  test.each([
    ['DATABASE_URL', 'mysql://u:the-secret@db/kc'],
    ['DATABASE_URL', 'the-secret'],
    ['REDIS_URL', 'http://u:the-secret@cache'],
    ['REDIS_URL', 'redis://:the-secret'.replace(':the', ' the')],
    ['OTEL_EXPORTER_OTLP_ENDPOINT', 'grpc://u:the-secret@collector'],
    ['KC_MASTER_KEY', 'the-secret'],
    ['KC_MASTER_KEY', `${MASTER_KEY},the-secret`],
    ['KC_MASTER_KEY', `${MASTER_KEY}=`],
    ['KC_MASTER_KEY', MASTER_KEY.slice(1)],
    ['KC_LIVE_URL', 'https://u:the-secret@a.example'],
    ['KC_SANDBOX_URL', 'http://the-secret@localhost:3001'],
  ])('%s, without telling what it got', (name, value) => {
    expect(complaints({ [name]: value })).toEqual([`${name} is not valid; it wants ${definitionOf(name)?.wants}.`])
  })

  test('all that is wrong is said at once, a line each', () => {
    const lines = complaints({ KC_PORT: 'x', KC_HOST: 'x', KC_MASTER_KEY: 'x', KC_WORKERS: 'x' })
    expect(lines.map((line) => line.split(' ')[0])).toEqual(['KC_PORT', 'KC_HOST', 'KC_MASTER_KEY', 'KC_WORKERS'])
    for (const line of lines) expect(line).toMatch(/^[A-Z_]+ is .*; it wants .*\.$/)
  })

  const DATABASE = 'postgres://u:the-secret@db/kc'
  test.each([
    [
      'two issuers on one host',
      { KC_LIVE_URL: 'https://a.example', KC_SANDBOX_URL: 'https://A.example' },
      'KC_SANDBOX_URL',
    ],
    ['a database without a master key', { DATABASE_URL: DATABASE }, 'KC_MASTER_KEY'],
    ['a master key of commas', { DATABASE_URL: DATABASE, KC_MASTER_KEY: ',,' }, 'KC_MASTER_KEY'],
    ['Redis without a database', { REDIS_URL: 'redis://cache' }, 'DATABASE_URL'],
    ['workers without Redis', { KC_WORKERS: '2', DATABASE_URL: DATABASE, KC_MASTER_KEY: MASTER_KEY }, 'KC_WORKERS'],
    ['workers without a database', { KC_WORKERS: '2' }, 'KC_WORKERS'],
  ])('%s', (_, environment, name) => {
    const [line = '', ...more] = complaints(environment)
    expect(more).toEqual([])
    expect(line).toMatch(new RegExp(`^${name} is .*wants .*\\.$`))
    expect(line).not.toContain('the-secret')
  })
})

describe('keycourt config', () => {
  const environment = {
    DATABASE_URL: 'postgres://kc:the-se@cret@db:5432/kc?sslpassword=the-secret',
    REDIS_URL: 'redis+sentinel://kc:the-secret@a:1,b:2/main?sentinelPassword=the-secret',
    KC_MASTER_KEY: `${MASTER_KEY},${OTHER_KEY}`,
    OTEL_EXPORTER_OTLP_ENDPOINT: 'https://user:the-secret@collector:4318/v1?token=the-secret',
    KC_LIVE_URL: 'https://api.example.com',
    AWS_SECRET_ACCESS_KEY: 'the-secret',
  }

  test('shows every setting once, with where it came from', () => {
    const rows = describeSettings(environment)
    expect(rows.map(({ name }) => name)).toEqual(Object.values(SETTINGS).map(({ name }) => name))
    expect(rows).toContainEqual({ name: 'KC_LIVE_URL', value: 'https://api.example.com', origin: 'environment' })
    expect(rows).toContainEqual({ name: 'KC_SANDBOX_URL', value: 'http://localhost:3001', origin: 'default' })
    expect(rows.find(({ name }) => name === 'KC_PORT')).toMatchObject({ value: expect.stringContaining('unset') })
  })

  test('masks what is secret, and leaves what tells where the stores are', () => {
    const text = JSON.stringify(describeSettings(environment))
    for (const secret of ['the-secret', 'the-se', 'cret@', MASTER_KEY, OTHER_KEY, MASTER_KEY.slice(0, 12)]) {
      expect(text).not.toContain(secret)
    }
    for (const place of ['@db:5432/kc', '@a:1,b:2/main', '@collector:4318']) expect(text).toContain(place)
  })

  test('is refused for wrong settings, as a start is', () => {
    expect(() => describeSettings({ KC_PORT: 'x' })).toThrow(SettingsError)
  })
})
