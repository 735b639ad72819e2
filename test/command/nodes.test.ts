import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import pg from 'pg'
import { beforeAll, describe, expect, test } from 'vitest'
import type { Bootstrap } from '../../server/tenancy/bootstrap.ts'
import { freePorts } from '../services/server-process.ts'
import { type Caller, callerAt, many } from './caller.ts'
import { onCluster } from './postgres.ts'
import { type Server, start } from './process.ts'

const LIVE = 'https://api.example.com'
const SANDBOX = 'https://sandbox.example.com'

describe('two nodes on PostgreSQL and Redis, started at the same moment on an empty database', () => {
  let databaseUrl: string
  let servers: Server[]
  let nodes: [Caller, Caller]
  let made: Bootstrap

  beforeAll(async () => {
    const { KC_MASTER_KEY, DATABASE_URL, REDIS_URL } = await onCluster()
    databaseUrl = DATABASE_URL
    const ports = (await freePorts(2)) as [number, number]
    const common = { KC_MASTER_KEY, DATABASE_URL, REDIS_URL, KC_LIVE_URL: LIVE, KC_SANDBOX_URL: SANDBOX }
    servers = await Promise.all(ports.map((port) => start({ ...common, KC_PORT: String(port), KC_HOST: '127.0.0.1' })))
    nodes = [callerAt(ports[0], LIVE), callerAt(ports[1], LIVE)]
  })

  test('make one tenant, and one of them has its credentials', async () => {
    const wrote = await Promise.all(
      servers.map(({ dataDir }) =>
        stat(join(dataDir, 'bootstrap.json')).then(
          () => true,
          () => false,
        ),
      ),
    )
    expect(wrote.filter(Boolean)).toHaveLength(1)
    const first = servers[wrote.indexOf(true)] as Server
    const second = servers[wrote.indexOf(false)] as Server
    expect(first.output()).toContain('bootstrap.json')
    expect(second.output()).not.toContain('bootstrap.json')
    made = await first.bootstrap()

    const client = new pg.Client({ connectionString: databaseUrl })
    await client.connect()
    const count = async (sql: string) => Number((await client.query(sql)).rows[0].count)
    expect(await count('SELECT count(*) FROM tenant')).toBe(1)
    expect(await count('SELECT count(*) FROM member')).toBe(1)
    expect(await count('SELECT count(*) FROM client')).toBe(2)
    expect(await count('SELECT count(*) FROM signing_key')).toBe(6)
    await client.end()
  })

  test('publish one key set', async () => {
    const [one, other] = await Promise.all(nodes.map((node) => node.send('GET', '/oauth/jwks')))
    expect(one?.json.keys).toHaveLength(3)
    expect(other?.json).toEqual(one?.json)
    expect(other?.headers.etag).toBe(one?.headers.etag)
  })

  test('160 tokens revoked on one are dead on the other at the next request', async () => {
    const [here, there] = nodes
    const stale = await many(160, async (at) => {
      // Both ways, and each node has just said that the token is good.
      const [revoking, asking] = at % 2 ? [here, there] : [there, here]
      const token = await revoking.mint(made.live)
      const before = await asking.introspect(made.live, token)
      const revoked = await revoking.revoke(made.live, token)
      const after = await asking.introspect(made.live, token)
      expect([before.json.active, revoked.status]).toEqual([true, 200])
      return after.json.active
    })
    expect(stale.filter((active) => active !== false)).toEqual([])
  })

  test('so are 40 keys, with the tokens minted from them [attack 8]', async () => {
    const [here, there] = nodes
    const stale = await many(40, async (at) => {
      const [revoking, asking] = at % 2 ? [here, there] : [there, here]
      const created = await revoking.api('POST', '/v1/api-keys', made.live.api_key, { kind: 'standard', name: 'k' })
      expect(created.status).toBe(201)
      const token = await asking.mint(created.json)
      const before = await asking.introspect(made.live, token)
      const deleted = await revoking.api('DELETE', `/v1/api-keys/${created.json.id}`, made.live.api_key)
      const after = [
        (await asking.introspect(made.live, token)).json.active,
        (await asking.introspect(made.live, created.json.api_key)).json.active,
        (await asking.token(created.json)).status,
        (await asking.api('GET', '/v1/me', token)).status,
      ]
      expect([before.json.active, deleted.status]).toEqual([true, 204])
      return after
    })
    expect(stale.filter((after) => after.join() !== 'false,false,401,401')).toEqual([])
  })

  test('one dies by kill -9 under load: the other answers, and nothing that was answered is lost', async () => {
    const [here, there] = nodes
    const minted: string[] = []
    let killed = false
    await many(200, async (at) => {
      if (at === 60 && !killed) {
        killed = true
        servers[0]?.kill('SIGKILL')
      }
      const token = await here.mint(made.live).catch(() => undefined)
      if (token) minted.push(token)
    })
    expect(await servers[0]?.ended).toBe('SIGKILL')
    expect(minted.length).toBeGreaterThan(40)
    expect(minted.length).toBeLessThan(200)
    const states = await many(minted.length, (at) => there.introspect(made.live, minted[at] as string))
    expect(states.filter(({ json }) => json.active !== true)).toEqual([])
  })
})
