import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import type { Bootstrap } from '../../server/tenancy/bootstrap.ts'
import { startPostgres, type TestServer } from '../services/postgres.ts'
import { startRedis } from '../services/redis.ts'
import { createTestDatabase } from '../services/spaces.ts'
import { type Answer, type Caller, callerAt } from './caller.ts'
import { MASTER_KEY, onPostgres, portOf } from './postgres.ts'
import { type Server, start } from './process.ts'

/** Milliseconds: the contract's five seconds. */
const DEADLINE = 5_000

describe('stores that go away while a server runs', () => {
  let stores: { redis: TestServer; postgres: TestServer }
  let server: Server
  let made: Bootstrap
  let caller: Caller
  let kept: { token: string; key: { client_id: string; client_secret: string } }

  beforeAll(async () => {
    // By default Redis puts writes off while an fsync is under way, and loses them when it is killed then.
    const durable = ['--appendonly', 'yes', '--appendfsync', 'always']
    const [redis, postgres] = await Promise.all([startRedis(...durable), startPostgres()])
    stores = { redis, postgres }
    const { KC_LIVE_URL, KC_SANDBOX_URL } = await onPostgres()
    server = await start({
      ...{ KC_LIVE_URL, KC_SANDBOX_URL, KC_MASTER_KEY: MASTER_KEY },
      ...{ DATABASE_URL: await createTestDatabase(postgres.url), REDIS_URL: redis.url },
    })
    made = await server.bootstrap()
    caller = callerAt(portOf(KC_LIVE_URL))
    const { json } = await caller.api('POST', '/v1/api-keys', made.live.api_key, { kind: 'standard', name: 'cold' })
    kept = { token: await caller.mint(made.live), key: json }
  })
  afterAll(() => Promise.all([stores.redis.remove(), stores.postgres.remove()]))

  /** A request of every kind, by name: those that need no store, those of OAuth, those of the management API. */
  const requests = (): Record<string, () => Promise<Answer>> => ({
    'none: livez': () => caller.send('GET', '/livez'),
    'none: jwks': () => caller.send('GET', '/oauth/jwks'),
    'none: metadata': () => caller.send('GET', '/.well-known/oauth-authorization-server'),
    'none: malformed': () => caller.token({ client_id: 'tk_aaaaaaaaaaaa', client_secret: 'x'.repeat(49) }),
    'none: malformed bearer': () => caller.api('GET', '/v1/me', 'kc_live_nonsense'),
    'probe: readyz': () => caller.send('GET', '/readyz'),
    'oauth: mint': () => caller.token(made.live),
    'oauth: mint by a client that no cache knows': () => caller.token(kept.key),
    'oauth: mint through the provider': () =>
      caller.send('POST', '/oauth/token', { form: { ...made.live, grant_type: 'authorization_code', code: 'x' } }),
    'oauth: introspect': () => caller.introspect(made.live, kept.token),
    'oauth: revoke': () => caller.revoke(made.live, kept.token),
    'api: me by token': () => caller.api('GET', '/v1/me', kept.token),
    'api: me by key': () => caller.api('GET', '/v1/me', made.live.api_key),
    'api: list': () => caller.api('GET', '/v1/api-keys', made.live.api_key),
    'api: create': () => caller.api('POST', '/v1/api-keys', made.live.api_key, { kind: 'standard', name: 'k' }),
    'api: audit': () => caller.api('GET', '/v1/audit-logs', kept.token),
  })

  async function timed(call: () => Promise<Answer>) {
    const began = performance.now()
    const answer = await call()
    return { answer, took: performance.now() - began }
  }

  /** All of them at once, twice: the second time with whatever the first left in pools and caches. */
  async function askEverything(): Promise<Map<string, Answer[]>> {
    const all = requests()
    const answers = new Map<string, Answer[]>()
    for (let round = 0; round < 2; round++) {
      const names = Object.keys(all)
      const results = await Promise.all(names.map((name) => timed(all[name] as () => Promise<Answer>)))
      names.forEach((name, at) => {
        const { answer, took } = results[at] as Awaited<ReturnType<typeof timed>>
        expect({ name, inTime: took < DEADLINE }).toEqual({ name, inTime: true })
        answers.set(name, [...(answers.get(name) ?? []), answer])
      })
    }
    return answers
  }

  /** 503 in the endpoint's own format, or the answer of every day; nothing else, whichever store is away. */
  function checkAnswers(answers: Map<string, Answer[]>): void {
    for (const [name, each] of answers) {
      for (const { status, headers, text, json } of each) {
        const said = { name, status, text }
        expect(text).not.toMatch(/\n +at |Error: |ECONN|postgres|redis|prisma/)
        if (name.startsWith('none:')) expect(said).toMatchObject({ status: /malformed/.test(name) ? 401 : 200 })
        if (status < 500) continue
        expect(said).toMatchObject({ status: 503 })
        if (name === 'probe: readyz') continue
        expect({ name, retryAfter: Number(headers['retry-after']) > 0 }).toEqual({ name, retryAfter: true })
        expect(headers['cache-control'] ?? 'no-store').toMatch(/no-store/)
        if (name.startsWith('oauth:')) {
          expect(headers['content-type']).toMatch(/^application\/json/)
          expect(json).toStrictEqual({ error: 'temporarily_unavailable', error_description: expect.any(String) })
        } else {
          expect(headers['content-type']).toMatch(/^application\/problem\+json/)
          expect(json).toMatchObject({ status: 503, error: 'temporarily_unavailable', request_id: expect.any(String) })
        }
      }
    }
  }

  const statuses = (answers: Map<string, Answer[]>, name: string) => answers.get(name)?.map(({ status }) => status)

  async function recovers(): Promise<void> {
    const ready = async () => expect((await caller.send('GET', '/readyz')).status).toBe(200)
    await vi.waitFor(ready, { timeout: 10_000, interval: 100 })
    for (const [name, call] of Object.entries(requests())) {
      if (name === 'oauth: revoke') continue // `kept` is for the next one, too
      const { status } = await call()
      expect({ name, ok: status < 500 }).toEqual({ name, ok: true })
    }
  }

  /** Whatever was handed out meanwhile is no different from any other token. */
  async function revocable(tokens: string[]): Promise<void> {
    for (const token of tokens) {
      expect((await caller.introspect(made.live, token)).json.active).toBe(true)
      expect((await caller.revoke(made.live, token)).status).toBe(200)
      expect((await caller.introspect(made.live, token)).json).toEqual({ active: false })
    }
  }

  const mintedIn = (answers: Map<string, Answer[]>): string[] =>
    (answers.get('oauth: mint') ?? []).flatMap(({ json }) => json.access_token ?? [])

  describe.each([
    ['stopped', (store: TestServer) => store.stop(), (store: TestServer) => store.start()],
    ['suspended', async (store: TestServer) => store.suspend(), async (store: TestServer) => store.resume()],
  ])('%s', (_, takeAway, bringBack) => {
    test.each([
      ['redis', ['redis']],
      ['postgres', ['postgres']],
      ['both', ['redis', 'postgres']],
    ] as const)(
      '%s: clear 503s, and no token that can not be revoked [attack 77]',
      { timeout: 60_000 },
      async (_, names) => {
        const away = names.map((name) => stores[name])
        const isRedisAway = away.includes(stores.redis)
        const before = await caller.mint(made.live)
        kept = { ...kept, token: await caller.mint(made.live) }
        await Promise.all(away.map(takeAway))
        const answers = await askEverything()
        await Promise.all(away.map(bringBack))
        checkAnswers(answers)
        expect(statuses(answers, 'probe: readyz')).toEqual([503, 503])
        // Without PostgreSQL a token can be ended all the same: it is in Redis, where its audit entry waits as well.
        expect(statuses(answers, 'oauth: revoke')).toEqual(isRedisAway ? [503, 503] : [200, 200])
        expect(statuses(answers, 'api: create')).toEqual([503, 503])
        if (isRedisAway) expect(statuses(answers, 'oauth: mint')).toEqual([503, 503])
        await recovers()
        if (!isRedisAway) expect((await caller.introspect(made.live, kept.token)).json).toEqual({ active: false })
        await revocable([before, ...(isRedisAway ? [kept.token] : []), ...mintedIn(answers)])
        kept = { ...kept, token: await caller.mint(made.live) }
      },
    )
  })

  test('the server is the one that was started, and ends as it should', async () => {
    expect(server.output().match(/"msg":"listening"/g)).toHaveLength(1)
    server.kill('SIGTERM')
    expect(await server.ended).toBe(0)
    // oidc-provider's only word, when it first meets a form that our parser has read.
    expect(server.errors()).toMatch(/^(oidc-provider WARNING: already parsed request body.*\n)?$/)
  })
})
