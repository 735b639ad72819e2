import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { Redis } from 'ioredis'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { sealingContext } from '../../keys/rotate.ts'
import { newAccessToken, newStandardKey } from '../../server/credentials/format.ts'
import { deriveMasterKeys } from '../../server/credentials/master-key.ts'
import { open } from '../../server/credentials/sealed-at-rest.ts'
import { ensureBinaries } from '../services/binaries.ts'
import type { TestServer } from '../services/postgres.ts'
import { startRedis } from '../services/redis.ts'
import { callerAt } from './caller.ts'
import { useCredentialsOfPeople } from './credentials-in-use.ts'
import { MASTER_KEY, onPostgres, portOf } from './postgres.ts'
import { start } from './process.ts'

let redisServer: TestServer
/** All that was ever written, too: commands and their arguments, also of what has expired or was removed. */
const APPEND_ONLY = ['--appendonly', 'yes', '--aof-use-rdb-preamble', 'no', '--rdbcompression', 'no']
beforeAll(async () => {
  redisServer = await startRedis(...APPEND_ONLY)
})
afterAll(() => redisServer.remove())

async function dumpPostgres(databaseUrl: string): Promise<string> {
  const pgDump = join(dirname(ensureBinaries().postgres), 'pg_dump')
  const { stdout } = await promisify(execFile)(pgDump, [databaseUrl], { maxBuffer: 64 * 1024 * 1024 })
  return stdout
}

/** Every key with its value, serialized as Redis does for other servers; the RDB file; and the log of all commands. */
async function dumpRedis(redis: Redis): Promise<string> {
  const parts: string[] = []
  for (const key of await redis.keys('*')) {
    const isStream = (await redis.type(key)) === 'stream'
    const value = isStream ? JSON.stringify(await redis.xrange(key, '-', '+')) : await redis.get(key)
    // Gone meanwhile, as locks go: what it was is in the log of all commands.
    const serialized: Buffer | null = await redis.dumpBuffer(key)
    parts.push(key, serialized?.toString('latin1') ?? '', value ?? '')
  }
  await redis.save()
  const [, dir] = (await redis.config('GET', 'dir')) as [string, string]
  const [, appendDir] = (await redis.config('GET', 'appenddirname')) as [string, string]
  parts.push(await readFile(join(dir, 'dump.rdb'), 'latin1'))
  parts.push(await readFile(join(dir, appendDir, 'appendonly.aof.1.incr.aof'), 'latin1'))
  return parts.join('\n')
}

/** A credential as whoever reads a dump might find it: whole, its secret part, and both in other alphabets. */
function formsOf(credential: string): string[] {
  const secret = credential.slice(credential.lastIndexOf('_') + 1)
  return [credential, secret, secret.slice(0, -6)].flatMap(encodingsOf) // the last without the checksum
}

function encodingsOf(text: string): string[] {
  const bytes = Buffer.from(text)
  // Without the end, which depends on what follows in the encoded text.
  return [text, bytes.toString('hex'), bytes.toString('base64').slice(0, -4), bytes.toString('base64url').slice(0, -4)]
}

test('no dump of PostgreSQL or Redis holds a credential, a secret part of one, or a private key [attack 16]', async () => {
  const environment = { ...(await onPostgres()), REDIS_URL: redisServer.url }
  const server = await start(environment)
  const made = await server.bootstrap()
  const live = callerAt(portOf(environment.KC_LIVE_URL))
  const sandbox = callerAt(portOf(environment.KC_SANDBOX_URL))
  const { api_key } = made.live

  const create = async (path: string, body: object) => {
    const { status, json } = await live.api('POST', path, api_key, body)
    expect(status).toBe(201)
    return json
  }
  const expires_at = new Date(Date.now() + 86_400_000).toISOString()
  const standard = await create('/v1/api-keys', { kind: 'standard', name: 'standard' })
  const gone = await create('/v1/api-keys', { kind: 'standard', name: 'gone' })
  const scopes = ['tokens:introspect']
  const enterprise = await create('/v1/api-keys', { kind: 'enterprise', name: 'enterprise', scopes, expires_at })
  const user = await create('/v1/service-users', { name: 'user', role: 'admin' })
  const { service_token } = await create(`/v1/service-users/${user.id}/tokens`, { name: 'token' })
  const webhook = await create('/v1/webhooks', { url: 'https://hooks.example/', events: ['webhook.disabled'] })

  const chosen = { client_id: 'Chosen by an admin', client_secret: `Ch0sen!${process.pid}` }
  const guessed = { ...chosen, client_secret: `Wr0ng!${process.pid}` }
  await create('/v1/api-clients', { ...chosen, permission: 'edit' })
  await create('/v1/api-clients', {
    client_id: 'like it',
    client_secret: `like-${chosen.client_secret}`,
    permission: 'read',
  })
  for (const [pair, status] of [
    [guessed, 401],
    [chosen, 200],
  ] as const) {
    const form = { grant_type: 'client_credentials', ...pair }
    expect((await live.send('POST', '/oauth/token', { form })).status).toBe(status)
  }

  const tokens = [await live.mint(made.live), await live.mint(standard), await live.mint(gone)]
  tokens.push(await live.mint(enterprise), await sandbox.mint(made.test))
  const revoked = await live.mint(standard)
  // Well-formed, and nobody's: refused only after the stores were asked.
  const inventedKey = newStandardKey('live', made.live.client_id.slice(3))
  const inventedToken = newAccessToken('live', 'aaaaaaaa')
  const wrong = { client_id: made.live.client_id, client_secret: inventedKey.slice(inventedKey.lastIndexOf('_') + 1) }
  for (const value of [...tokens, inventedToken, inventedKey, api_key, service_token, made.test.api_key]) {
    expect((await live.introspect(made.live, value)).status).toBe(200)
    expect((await live.introspect(wrong, value)).status).toBe(401)
    await live.api('GET', '/v1/me', value)
    await live.send('GET', '/v1/me', { headers: { 'x-api-key': value } })
  }
  expect((await live.token(made.test)).status).toBe(401)
  expect((await live.token(wrong)).status).toBe(401)
  expect((await live.revoke(standard, revoked)).status).toBe(200)
  expect((await live.api('DELETE', `/v1/api-keys/${gone.id}`, api_key)).status).toBe(204)
  expect((await live.introspect(made.live, revoked)).json).toEqual({ active: false })
  await live.send('GET', '/v1/me', {
    headers: { authorization: `Bearer ${api_key}`, 'x-request-id': tokens[0] as string },
  })

  const redis = new Redis(redisServer.url)
  const client = new pg.Client({ connectionString: environment.DATABASE_URL })
  await client.connect()
  const dumps = { postgres: await dumpPostgres(environment.DATABASE_URL), redis: await dumpRedis(redis) }
  const { rows } = await client.query('SELECT kid, mode, sealed_private FROM signing_key')
  redis.disconnect()
  await client.end()

  // They hold what they should, so that what they don't hold says something.
  for (const [dump, part] of [
    [dumps.postgres, made.live.client_id.slice(3)],
    [dumps.postgres, 'api_key.revoked'],
    [dumps.postgres, chosen.client_id],
    [dumps.postgres, webhook.id],
    [dumps.redis, ':known'], // the network that it authenticates from
    [dumps.redis, 'kc:l:a'],
    [dumps.redis, '\ndel\r'], // of the token that was revoked
  ] as const) {
    expect({ part, found: dump.includes(part) }).toEqual({ part, found: true })
  }

  const keys = [made.live, made.test, standard, gone, enterprise].map((key) => key.api_key)
  const secrets = [...keys, ...tokens, revoked, service_token, inventedKey, inventedToken, webhook.secret].flatMap(
    formsOf,
  )
  secrets.push(...[chosen, guessed].flatMap(({ client_secret }) => encodingsOf(client_secret)))
  secrets.push(made.owner.password, MASTER_KEY, Buffer.from(MASTER_KEY, 'base64url').toString('hex'))
  const masterKeys = deriveMasterKeys([Buffer.from(MASTER_KEY, 'base64url')])
  expect(rows).toHaveLength(6)
  for (const { kid, mode, sealed_private } of rows) {
    const jwk = JSON.parse(open(masterKeys, sealed_private, sealingContext(mode, kid)))
    expect(jwk.d).toBeTypeOf('string')
    for (const name of ['d', 'p', 'q', 'dp', 'dq', 'qi']) if (jwk[name]) secrets.push(jwk[name])
  }
  for (const [name, dump] of Object.entries(dumps)) {
    // Without the values, which a failure would print.
    expect([name, secrets.filter((secret) => dump.includes(secret)).length]).toEqual([name, 0])
    expect([name, /"(d|p|q|dp|dq|qi|k)" ?:|PRIVATE KEY/.test(dump)]).toEqual([name, false])
  }
  // The next one has another database and the same Redis: this one would take its events for nobody's.
  server.kill('SIGTERM')
  await server.ended
})

test('nor does one hold a credential of a person or their apps, be it used, open, or half way [attack 16]', async () => {
  const environment = { ...(await onPostgres()), REDIS_URL: redisServer.url }
  const server = await start(environment)
  const issuer = environment.KC_LIVE_URL
  const caller = callerAt(portOf(issuer))
  const made = await server.bootstrap()
  const used = await useCredentialsOfPeople({ caller, issuer, made })
  const credentials = Object.entries(used)
  // What happened to tokens is in the log by the time that somebody reads it.
  expect((await caller.api('GET', '/v1/audit-logs', made.live.api_key)).status).toBe(200)
  const redis = new Redis(redisServer.url)
  const dumps = { postgres: await dumpPostgres(environment.DATABASE_URL), redis: await dumpRedis(redis) }
  redis.disconnect()

  for (const [dump, part] of [
    [dumps.postgres, 'refresh_family.theft_detected'],
    [dumps.postgres, 'refresh_token.retried'],
    [dumps.postgres, 'token.refreshed'],
    [dumps.postgres, 'token.minted'],
    [dumps.redis, 'kc:l:ofamily:'],
    [dumps.redis, 'kc:l:ocode:'],
    [dumps.redis, 'kc:l:opar:'],
    [dumps.redis, 'kc:l:ointeraction:'],
    [dumps.redis, 'sealedSuccessor'],
  ] as const) {
    expect({ part, found: dump.includes(part) }).toEqual({ part, found: true })
  }
  for (const [name, dump] of Object.entries(dumps)) {
    const found = credentials.filter(([, value]) => partsOf(value).some((part) => dump.includes(part)))
    expect([name, found.map(([what]) => what)]).toEqual([name, []])
  }
})

/** Those with our prefix have a secret part of their own; all others are random as a whole. */
const partsOf = (credential: string): string[] =>
  /^k[cr]_/.test(credential) ? formsOf(credential) : encodingsOf(credential)
