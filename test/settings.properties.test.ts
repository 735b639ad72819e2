import fc from 'fast-check'
import { expect, test } from 'vitest'
import { readSettings, SETTINGS, SettingsError } from '../server/settings.ts'
import { hostileText, mutated } from './hostile-text.ts'

type Setting = (typeof SETTINGS)[keyof typeof SETTINGS]
const ALL: readonly Setting[] = Object.values(SETTINGS)
const NAMES = ALL.map(({ name }) => name)

const failureOf = (environment: Record<string, string>): string[] | undefined => {
  try {
    readSettings(environment)
    return undefined
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error
    return error.message.split('\n')
  }
}

/** What operators write, or nearly. */
const likely = fc.constantFrom(
  ...[
    'http://localhost:3000',
    'https://api.example.com',
    'postgres://u:p@h/d',
    'redis://:secret@h:1/2',
    'redis+cluster://a,b',
  ],
  ...[
    '10.0.0.0/8,localhost:9000',
    '::1',
    'on',
    'off',
    '8',
    '3000',
    'info',
    'A'.repeat(43),
    '/var/lib/keycourt',
    'https://user:pw@h',
  ],
)
const value = fc.oneof(likely, likely.chain(mutated), hostileText)
const environment = fc.dictionary(fc.constantFrom(...NAMES, 'PATH', 'KC_LIVE_URL '), value, { noNullPrototype: true })

test('of any environment each is read, or named in a sentence of its own with what it wants', () => {
  fc.assert(
    fc.property(environment, (given) => {
      const lines = failureOf(given)
      if (!lines) return
      // A value may have line breaks; it is shown as it came, in quotes.
      const named = ALL.filter(({ name }) => lines.some((line) => line.startsWith(`${name} is `)))
      for (const { name, wants } of named) {
        const contradiction = lines.find((line) => line.startsWith(`${name} is `))
        expect(lines.join('\n')).toContain(
          /not set|because|wants another host|more than 1/.test(contradiction ?? '') ? name : wants,
        )
      }
      expect(named.length).toBeGreaterThan(0)
    }),
    { numRuns: 1_000 },
  )
})

test('none that may hold a secret is ever said again', () => {
  const secret = fc.string({ unit: fc.constantFrom(...'abcXYZ019'), minLength: 16, maxLength: 24 })
  const holding = fc.constantFrom(
    'DATABASE_URL',
    'REDIS_URL',
    'KC_MASTER_KEY',
    'OTEL_EXPORTER_OTLP_ENDPOINT',
    'KC_LIVE_URL',
    'KC_SECRET_SCANNING_KEYS_URL',
  )
  const wrong = fc.constantFrom(
    (text: string) => `ftp://user:${text}@host/`,
    (text: string) => `htps://${text}@host`,
    (text: string) => `redis:/${text}@host`,
    (text: string) => `://:${text}@`,
  )
  fc.assert(
    fc.property(holding, wrong, secret, (name, write, text) => {
      const lines = failureOf({ [name]: write(text) })
      expect(lines).toBeDefined()
      expect(lines?.join('\n')).not.toContain(text)
    }),
    { numRuns: 500 },
  )
})

test('issuers are origins, and one each: https, or http of this machine alone', () => {
  const url = fc.oneof(
    fc.webUrl({ validSchemes: ['http', 'https', 'ftp'], withQueryParameters: true, withFragments: true }),
    fc.constantFrom(
      'http://localhost:3000',
      'http://127.0.0.1',
      'http://[::1]:1',
      'http://127.0.0.1.evil.example',
      'https://a.example/',
      'http://localhost.evil.example',
      'https://u@h',
      'https://h/path',
      'https://h?',
      'https://h#',
    ),
  )
  fc.assert(
    fc.property(fc.oneof(url, url.chain(mutated)), (text) => {
      const environment = { KC_LIVE_URL: text, KC_SANDBOX_URL: 'https://sandbox.example:9' }
      if (failureOf(environment)) return
      const { liveUrl } = readSettings(text ? environment : {})
      expect([liveUrl.pathname, liveUrl.search, liveUrl.hash, liveUrl.username, liveUrl.password]).toEqual([
        '/',
        '',
        '',
        '',
        '',
      ])
      if (liveUrl.protocol !== 'https:')
        expect(['localhost', '[::1]']).toContain(liveUrl.hostname.replace(/^127\.\d+\.\d+\.\d+$/, 'localhost'))
    }),
    { numRuns: 1_000 },
  )
})

test('numbers are whole, within their bounds, and written in digits alone', () => {
  const bounds = {
    KC_PORT: [1, 65_535],
    KC_WORKERS: [1, 256],
    KC_KEY_ROTATION_DAYS: [1, 3_650],
    KC_API_RATE_LIMIT: [1, 1_000_000],
  } as const
  const field = {
    KC_PORT: 'port',
    KC_WORKERS: 'workers',
    KC_KEY_ROTATION_DAYS: 'keyRotationDays',
    KC_API_RATE_LIMIT: 'apiRateLimit',
  } as const
  const text = fc.oneof(
    fc.integer({ min: -2, max: 1_000_100 }).map(String),
    fc.constantFrom('1e3', '0x10', ' 5', '5 ', '1.0', '٣', '007', '1_000', 'NaN'),
    hostileText,
  )
  fc.assert(
    fc.property(fc.constantFrom(...(Object.keys(bounds) as (keyof typeof bounds)[])), text, (name, given) => {
      fc.pre(given !== '')
      const shared = {
        DATABASE_URL: 'postgres://h/d',
        REDIS_URL: 'redis://h',
        KC_MASTER_KEY: Buffer.alloc(32).toString('base64url'),
      }
      const [least, most] = bounds[name]
      const good = /^[0-9]{1,9}$/.test(given) && Number(given) >= least && Number(given) <= most
      expect(failureOf({ ...shared, [name]: given }) === undefined).toBe(good)
      if (good) expect(readSettings({ ...shared, [name]: given })[field[name]]).toBe(Number(given))
    }),
    { numRuns: 500 },
  )
})

test('master keys are 32 bytes each, in their one spelling and in their order', () => {
  const key = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => Buffer.from(bytes))
  fc.assert(
    fc.property(fc.array(key, { minLength: 1, maxLength: 3 }), fc.constantFrom(',', ', ', ' ,'), (keys, between) => {
      expect(
        readSettings({ KC_MASTER_KEY: keys.map((each) => each.toString('base64url')).join(between) }).masterKeys,
      ).toEqual(keys)
    }),
  )
  fc.assert(
    fc.property(
      key.chain((each) => mutated(each.toString('base64url'))),
      (text) => {
        const lines = failureOf({ KC_MASTER_KEY: text })
        if (lines) return void expect(lines.join('\n')).not.toContain(text)
        for (const each of readSettings({ KC_MASTER_KEY: text }).masterKeys) expect(each.length).toBe(32)
        // Another key, spelled as it must be: nothing was mended.
        expect(
          readSettings({ KC_MASTER_KEY: text })
            .masterKeys.map((each) => each.toString('base64url'))
            .join(','),
        ).toBe(text.trim())
      },
    ),
    { numRuns: 500 },
  )
})
