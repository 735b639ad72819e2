import { Redis } from 'ioredis'
import { expect, test } from 'vitest'
import { startRedis } from '../services/redis.ts'
import { callerAt } from './caller.ts'
import { beginFamily, browserAt, createAppAt, refresh } from './person.ts'
import { onPostgres, portOf } from './postgres.ts'
import { start } from './process.ts'

test('a refresh that Redis runs after we gave up on it is taken back: the token works once Redis is there again [attack 77]', async () => {
  const redis = await startRedis('--appendonly', 'yes')
  const environment = { ...(await onPostgres()), REDIS_URL: redis.url }
  const server = await start(environment)
  const made = await server.bootstrap()
  const issuer = environment.KC_LIVE_URL
  const caller = callerAt(portOf(issuer))
  const app = await createAppAt(caller, made.live.api_key)
  const browser = browserAt(caller, issuer, made.owner)
  const family = await beginFamily(caller, browser, app)
  const admin = new Redis(redis.url)
  await admin.call('CLIENT', 'PAUSE', '2000', 'WRITE')
  const away = await refresh(caller, app, family.refresh_token)
  await admin.set('x', 'y') // answered when the pause is over
  const again = await refresh(caller, app, family.refresh_token)
  expect([away.status, again.status]).toEqual([503, 200])
  expect((await caller.introspect(made.live, family.access_token)).json.active).toBe(true)
  admin.disconnect()
  await redis.remove()
})
