import { isIP } from 'node:net'
import { resolve } from 'node:path'
import { z } from 'zod'

/** Every setting, validated. The only reader of the environment; all else is handed what it needs. */
export interface Settings {
  readonly liveUrl: URL
  readonly sandboxUrl: URL
  /** One port for both modes, chosen by Host. Unset: the port of each URL. */
  readonly port: number | undefined
  readonly host: string | undefined
  readonly databaseUrl: string | undefined
  readonly redisUrl: string | undefined
  readonly dataDir: string
  /** The first is current, the others still open what they closed. Empty: made in the data directory. */
  readonly masterKeys: readonly Buffer[]
  readonly trustProxy: boolean
  readonly outboundAllow: readonly string[]
  readonly workers: number
  readonly logLevel: LogLevel
  /** Prometheus metrics are served on this port alone, away from the public. Unset: none. */
  readonly metricsPort: number | undefined
  /** OTLP over HTTP. Unset: no traces. */
  readonly otlpEndpoint: URL | undefined
  readonly keyRotationDays: number
  /** Whose signature makes a leak report GitHub's. */
  readonly secretScanningKeysUrl: URL
  /** Requests to the management API that a client may make in a minute. */
  readonly apiRateLimit: number
}

const logLevels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const
export type LogLevel = (typeof logLevels)[number]

export type Deployment = 'embedded' | 'database' | 'cluster'

export const deploymentOf = (settings: Pick<Settings, 'databaseUrl' | 'redisUrl'>): Deployment =>
  settings.redisUrl ? 'cluster' : settings.databaseUrl ? 'database' : 'embedded'

/** A sentence per wrong setting: its name, what it got, what it wants. */
export class SettingsError extends Error {
  override readonly name = 'SettingsError'
}

/** One row of `keycourt config` and of the README's table. */
interface Setting<T> {
  readonly name: string
  readonly meaning: string
  readonly fallback: string
  readonly secret?: 'whole' | 'password'
  readonly wants: string
  readonly schema: z.ZodType<T, string | undefined>
}

const setting = <T>(definition: Setting<T>): Setting<T> => definition

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/

export const isLoopback = (url: URL): boolean => LOOPBACK.test(url.hostname)

const issuerUrl = (fallback: string) =>
  z
    .string()
    .default(fallback)
    .transform((text, context) => {
      const url = URL.parse(text)
      // RFC 8414 §2: an issuer has no query or fragment. One without a path keeps `.well-known` unambiguous.
      const bare = url && url.pathname === '/' && !url.search && !url.hash && !url.username && !url.password
      if (url && bare && (url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url)))) return url
      context.addIssue('not an issuer')
      return z.NEVER
    })

const wholeNumber = (least: number, most: number) =>
  z
    .string()
    .regex(/^\d{1,9}$/)
    .transform(Number)
    .pipe(z.number().min(least).max(most))

const urlOf = (...protocols: string[]) =>
  z.string().refine((text) => protocols.includes(URL.parse(text)?.protocol ?? ''))

/** Sentinel and Cluster list several hosts, which WHATWG URLs can't hold: storage/redis/connection.ts parses them. */
const REDIS_URL = /^rediss?(\+sentinel|\+cluster)?:\/\/[^\s/]+(\/[^\s]*)?$/

const masterKeys = z
  .string()
  .default('')
  .transform((text, context) => {
    const keys = text.split(',').filter(Boolean)
    const bytes = keys.map((key) => Buffer.from(key.trim(), 'base64url'))
    if (bytes.every((key, at) => key.length === 32 && key.toString('base64url') === keys[at]?.trim())) return bytes
    context.addIssue('not 32 bytes')
    return z.NEVER
  })

/** `host`, `host:port`, an address, or a CIDR block. */
const isOutboundTarget = (text: string): boolean => {
  const [address, bits, more] = text.split('/')
  if (bits !== undefined) {
    const family = isIP(address ?? '')
    return more === undefined && /^\d{1,3}$/.test(bits) && family > 0 && Number(bits) <= (family === 4 ? 32 : 128)
  }
  return isIP(text) > 0 || /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:\d{1,5})?$/i.test(text)
}

const outboundAllow = z
  .string()
  .default('')
  .transform((text) => text.split(',').flatMap((part) => part.trim() || []))
  .pipe(z.array(z.string().refine(isOutboundTarget)))

const flag = z.enum(['on', 'off', 'true', 'false', '1', '0']).transform((text) => ['on', 'true', '1'].includes(text))

/** As GitHub's secret scanning partner program documents it. */
const SCANNING_KEYS = 'https://api.github.com/meta/public_keys/secret_scanning'

export const SETTINGS = {
  liveUrl: setting({
    name: 'KC_LIVE_URL',
    meaning: 'issuer and management API of live mode',
    fallback: 'http://localhost:3000',
    wants: 'an https URL without a path (http for localhost only)',
    schema: issuerUrl('http://localhost:3000'),
  }),
  sandboxUrl: setting({
    name: 'KC_SANDBOX_URL',
    meaning: 'the same for test mode',
    fallback: 'http://localhost:3001',
    wants: 'an https URL without a path (http for localhost only)',
    schema: issuerUrl('http://localhost:3001'),
  }),
  port: setting({
    name: 'KC_PORT',
    meaning: 'one port for both modes, chosen by `Host`',
    fallback: 'unset: the port of each URL',
    wants: 'a port number from 1 to 65535',
    schema: wholeNumber(1, 65_535).optional(),
  }),
  host: setting({
    name: 'KC_HOST',
    meaning: 'address to listen on',
    fallback: 'loopback while both URLs are local, else all addresses',
    wants: 'an IP address or `localhost`',
    schema: z
      .string()
      .refine((text) => isIP(text) > 0 || text === 'localhost')
      .optional(),
  }),
  databaseUrl: setting({
    name: 'DATABASE_URL',
    meaning: 'a PostgreSQL server',
    fallback: 'unset: embedded PostgreSQL in the data directory',
    secret: 'password',
    wants: 'a postgres:// or postgresql:// URL',
    schema: urlOf('postgres:', 'postgresql:').optional(),
  }),
  redisUrl: setting({
    name: 'REDIS_URL',
    meaning: 'Redis or Valkey for tokens and other short-lived state',
    fallback: 'unset: they live in the database',
    secret: 'password',
    wants: 'redis://, rediss://, redis+sentinel://host:port,host:port/name or redis+cluster://host:port,host:port',
    schema: z.string().regex(REDIS_URL).optional(),
  }),
  dataDir: setting({
    name: 'KC_DATA_DIR',
    meaning: 'the embedded database, the local master key, `bootstrap.json`',
    fallback: './data',
    wants: 'a path',
    schema: z
      .string()
      .default('./data')
      .transform((path) => resolve(path)),
  }),
  masterKeys: setting({
    name: 'KC_MASTER_KEY',
    meaning: 'keys what is hashed and encrypts what is sealed; several by commas, the first is current',
    fallback: 'made in the data directory; required with DATABASE_URL',
    secret: 'whole',
    wants: '32 bytes in base64url (43 characters), or several separated by commas',
    schema: masterKeys,
  }),
  trustProxy: setting({
    name: 'KC_TRUST_PROXY',
    meaning: 'whether `X-Forwarded-*` is believed',
    fallback: 'off',
    wants: 'on or off',
    schema: flag.prefault('off'),
  }),
  outboundAllow: setting({
    name: 'KC_OUTBOUND_ALLOW',
    meaning: 'hosts or CIDR blocks that outbound fetches may reach although private or plain http',
    fallback: 'empty',
    wants: 'hosts (localhost:9000) or CIDR blocks (10.0.0.0/8), separated by commas',
    schema: outboundAllow,
  }),
  workers: setting({
    name: 'KC_WORKERS',
    meaning: 'processes that share the port; more than 1 needs DATABASE_URL and REDIS_URL',
    fallback: '1',
    wants: 'a whole number from 1 to 256',
    schema: wholeNumber(1, 256).prefault('1'),
  }),
  logLevel: setting({
    name: 'KC_LOG_LEVEL',
    meaning: 'least level that is logged',
    fallback: 'info',
    wants: `one of ${logLevels.join(', ')}`,
    schema: z.enum(logLevels).prefault('info'),
  }),
  metricsPort: setting({
    name: 'KC_METRICS_PORT',
    meaning: 'port of its own for Prometheus metrics (`/metrics`)',
    fallback: 'unset: no metrics',
    wants: 'a port number from 1 to 65535',
    schema: wholeNumber(1, 65_535).optional(),
  }),
  otlpEndpoint: setting({
    name: 'OTEL_EXPORTER_OTLP_ENDPOINT',
    meaning: 'where OpenTelemetry traces go (OTLP over HTTP)',
    fallback: 'unset: no traces',
    secret: 'password',
    wants: 'an http:// or https:// URL',
    schema: urlOf('http:', 'https:')
      .transform((text) => new URL(text))
      .optional(),
  }),
  keyRotationDays: setting({
    name: 'KC_KEY_ROTATION_DAYS',
    meaning: 'age at which a signing key gets a successor',
    fallback: '90',
    wants: 'a whole number of days from 1 to 3650',
    schema: wholeNumber(1, 3650).prefault('90'),
  }),
  secretScanningKeysUrl: setting({
    name: 'KC_SECRET_SCANNING_KEYS_URL',
    meaning: 'public keys by which `/oauth/leaked/github` knows that a report is GitHub’s',
    fallback: SCANNING_KEYS,
    wants: 'an http:// or https:// URL',
    schema: urlOf('http:', 'https:')
      .prefault(SCANNING_KEYS)
      .transform((text) => new URL(text)),
  }),
  apiRateLimit: setting({
    name: 'KC_API_RATE_LIMIT',
    meaning: 'requests to the management API that a client may make in a minute',
    fallback: '1200',
    wants: 'a whole number from 1 to 1000000',
    schema: wholeNumber(1, 1_000_000).prefault('1200'),
  }),
} satisfies { [K in keyof Settings]: Setting<Settings[K]> }

type Environment = Readonly<Record<string, string | undefined>>

/** @throws {SettingsError} with one sentence per wrong setting. An empty variable counts as unset. */
export function readSettings(environment: Environment): Settings {
  const wrong: string[] = []
  const read = ([field, { name, schema, secret, wants }]: [string, Setting<unknown>]) => {
    const text = environment[name] || undefined
    const parsed = schema.safeParse(text)
    // A URL of any setting may hold a password, where none belongs.
    const hidden = secret || text?.includes('@')
    if (!parsed.success) wrong.push(`${name} is ${hidden ? 'not valid' : `"${text}"`}; it wants ${wants}.`)
    return [field, parsed.data]
  }
  const settings = Object.fromEntries(Object.entries(SETTINGS).map(read)) as unknown as Settings
  if (!wrong.length) wrong.push(...contradictions(settings))
  if (wrong.length) throw new SettingsError(wrong.join('\n'))
  return settings
}

function* contradictions(settings: Settings): Generator<string> {
  const { liveUrl, sandboxUrl, databaseUrl, redisUrl, workers } = settings
  if (liveUrl.host === sandboxUrl.host)
    yield `KC_SANDBOX_URL is "${sandboxUrl.origin}"; it wants another host or port than KC_LIVE_URL, because the host chooses the mode.`
  if (databaseUrl && !settings.masterKeys.length)
    yield `KC_MASTER_KEY is not set; with DATABASE_URL it wants ${SETTINGS.masterKeys.wants}, the same on every node.`
  if (redisUrl && !databaseUrl) yield 'DATABASE_URL is not set; with REDIS_URL it wants a PostgreSQL server.'
  if (workers > 1 && !(databaseUrl && redisUrl))
    yield `KC_WORKERS is "${workers}"; more than 1 wants DATABASE_URL and REDIS_URL, which the processes share.`
}

/** What `keycourt config` prints: name and effective value, secrets masked. */
export function describeSettings(environment: Environment): { name: string; value: string; origin: string }[] {
  readSettings(environment)
  return Object.values(SETTINGS as Record<string, Setting<unknown>>).map(({ name, fallback, secret }) => {
    const text = environment[name]
    if (!text) return { name, value: fallback, origin: 'default' }
    return { name, value: masked(text, secret), origin: 'environment' }
  })
}

const masked = (text: string, secret: Setting<unknown>['secret']): string => {
  if (secret === 'whole') return '********'
  // Everything up to the last @: a password may hold an @ or a slash. Parameters may hold one too.
  if (secret === 'password') return text.replace(/\/\/.*@/, '//********@').replace(/\?.*$/, '?********')
  return text
}
