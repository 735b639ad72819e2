import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import type { Bootstrap } from '../../server/tenancy/bootstrap.ts'
import { type Answer, type Caller, callerAt } from '../command/caller.ts'
import { onCluster, portOf } from '../command/postgres.ts'
import { start } from '../command/process.ts'
import { type DelayedStore, delayed } from './platform-delayed-store.ts'

describe('stores that answer late', () => {
  let postgres: DelayedStore
  let redis: DelayedStore
  let caller: Caller
  let made: Bootstrap

  beforeAll(async () => {
    const environment = await onCluster()
    const through = async (url: string) => {
      const store = await delayed(new URL(url))
      return { store, url: Object.assign(new URL(url), { port: `${store.port}` }).href }
    }
    const [database, cache] = await Promise.all([through(environment.DATABASE_URL), through(environment.REDIS_URL)])
    postgres = database.store
    redis = cache.store
    const server = await start({ ...environment, DATABASE_URL: database.url, REDIS_URL: cache.url })
    made = await server.bootstrap()
    caller = callerAt(portOf(environment.KC_LIVE_URL))
  })
  afterAll(() => {
    postgres.close()
    redis.close()
  })

  const soonWell = async () => {
    for (const store of [postgres, redis]) store.delay(0)
    const ready = async () => expect((await caller.send('GET', '/readyz')).status).toBe(200)
    await vi.waitFor(ready, { timeout: 20_000, interval: 100 })
  }

  test.each([
    ['slow, both of them', { postgres: 250, redis: 250 }],
    ['too slow, Redis', { postgres: 0, redis: 4_000 }],
    ['too slow, PostgreSQL', { postgres: 7_000, redis: 0 }],
    ['too slow, both of them', { postgres: 7_000, redis: 4_000 }],
  ])('%s: what was given can be revoked, what was revoked is dead, all else is 503 [attack 77]', async (_, late) => {
    const api = (name: string) => caller.api('POST', '/v1/api-keys', made.live.api_key, { kind: 'standard', name })
    const given = await Promise.all(Array.from({ length: 12 }, () => caller.mint(made.live)))
    const doomed = (await api('doomed')).json
    const ofDoomed = await caller.mint(doomed)
    postgres.delay(late.postgres)
    redis.delay(late.redis)

    const minting = Array.from({ length: 10 }, () => caller.token(made.live))
    const revoking = given.slice(0, 6).map((token) => caller.revoke(made.live, token))
    const deleting = caller.api('DELETE', `/v1/api-keys/${doomed.id}`, made.live.api_key)
    const asking = [
      ...given.slice(6).map((token) => caller.introspect(made.live, token)),
      caller.token({ ...made.live, client_secret: doomed.client_secret }),
      caller.api('GET', '/v1/me', 'kc_live_nonsense'),
    ]
    const answers = await Promise.all([...minting, ...revoking, deleting, ...asking])
    for (const { status, json, text, headers } of answers) {
      expect([200, 204, 401, 503]).toContain(status)
      if (status !== 503) continue
      expect(Number(headers['retry-after'])).toBeGreaterThan(0)
      expect(json.error).toBe('temporarily_unavailable')
      expect(text).not.toMatch(/\n +at |ECONN|postgres|redis|prisma/i)
    }
    // Nobody is let in because nobody could be asked.
    const [stranger, malformed] = answers.slice(-2) as [Answer, Answer]
    expect(stranger.status).not.toBe(200)
    expect(malformed.status).toBe(401)
    const unavailable = answers.filter(({ status }) => status === 503)
    expect(unavailable.length > 0).toBe(Math.max(late.postgres, late.redis) > 1_000)

    await soonWell()
    const minted = (await Promise.all(minting)).flatMap(({ status, json }) => (status === 200 ? json.access_token : []))
    const revoked = given.filter((_token, at) => at < 6 && answers[minting.length + at]?.status === 200)
    for (const token of revoked) expect((await caller.introspect(made.live, token)).json).toEqual({ active: false })
    for (const token of minted) {
      expect((await caller.introspect(made.live, token)).json.active).toBe(true)
      expect((await caller.revoke(made.live, token)).status).toBe(200)
      expect((await caller.introspect(made.live, token)).json).toEqual({ active: false })
    }
    if ((await deleting).status === 204) {
      expect((await caller.token(doomed)).status).toBe(401)
      expect((await caller.introspect(made.live, ofDoomed)).json).toEqual({ active: false })
    }
  })
})
