import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import type { Bootstrap } from '../../server/tenancy/bootstrap.ts'
import { type Agreed, agree, type Browser, type TestApp } from '../oauth/people.ts'
import type { TestServer } from '../services/postgres.ts'
import { startRedis } from '../services/redis.ts'
import { freePorts } from '../services/server-process.ts'
import { type Caller, callerAt } from './caller.ts'
import { authorizationPath, beginFamily, browserAt, createAppAt, redeem, refresh, type Tokens } from './person.ts'
import { onPostgres } from './postgres.ts'
import { type Environment, type Server, start } from './process.ts'

const LIVE = 'https://api.example.com'
const ONE_PORT = { KC_LIVE_URL: LIVE, KC_SANDBOX_URL: 'https://sandbox.example.com', KC_HOST: '127.0.0.1' }

let redis: TestServer
beforeAll(async () => {
  redis = await startRedis('--appendonly', 'yes', '--appendfsync', 'always')
})
afterAll(() => redis.remove())

const onDatabase = async (): Promise<Environment> => {
  const { KC_MASTER_KEY, DATABASE_URL } = await onPostgres()
  return { KC_MASTER_KEY, DATABASE_URL }
}

const onBoth = async (): Promise<Environment> => ({ ...(await onDatabase()), REDIS_URL: redis.url })

describe.each([
  { deployment: 'one embedded node', count: 1, hasRedis: false, stores: async () => ({}) },
  { deployment: 'two nodes on PostgreSQL', count: 2, hasRedis: false, stores: onDatabase },
  { deployment: 'two nodes on PostgreSQL and Redis', count: 2, hasRedis: true, stores: onBoth },
])('a person stays signed in: $deployment', ({ count, hasRedis, stores }) => {
  let environments: Environment[]
  let servers: Server[]
  let nodes: Caller[]
  let made: Bootstrap
  let app: TestApp
  let browser: Browser

  beforeAll(async () => {
    const common = { ...ONE_PORT, ...(await stores()) }
    const ports = await freePorts(count)
    servers = []
    for (const port of ports) servers.push(await start({ ...common, KC_PORT: String(port) }))
    environments = ports.map((port, at) => ({ ...common, KC_PORT: String(port), KC_DATA_DIR: servers[at]?.dataDir }))
    nodes = ports.map((port) => callerAt(port, LIVE))
    made = await (servers[0] as Server).bootstrap()
    app = await createAppAt(nodes[0] as Caller, made.live.api_key)
    browser = browserAt(nodes[0] as Caller, LIVE, made.owner)
  })

  async function kill(...which: number[]): Promise<void> {
    for (const at of which) servers[at]?.kill('SIGKILL')
    for (const at of which) expect(await servers[at]?.ended).toBe('SIGKILL')
  }

  async function restart(...which: number[]): Promise<void> {
    const started = await Promise.all(which.map((at) => start(environments[at] as Environment)))
    which.forEach((at, index) => {
      servers[at] = started[index] as Server
    })
  }

  async function everywhere(work: (node: Caller) => Promise<unknown>): Promise<void> {
    for (const node of nodes) await work(node)
  }

  /** A family that is a few generations old, the last of them just answered; and a code with what it gave. */
  interface Used {
    readonly family: readonly [Tokens, Tokens, Tokens]
    readonly code: Agreed
    readonly given: Tokens
  }

  async function used(): Promise<Used> {
    const [here, there] = [nodes[0] as Caller, nodes.at(-1) as Caller]
    const first = await beginFamily(here, browser, app)
    const second = (await refresh(there, app, first.refresh_token)).json
    const third = (await refresh(here, app, second.refresh_token)).json
    const code = await agree(browser, app)
    return { family: [first, second, third], code, given: (await redeem(there, app, code)).json }
  }

  /** What is good is good. What was used is dead, and presented again it ends the family, be it a token or the code. */
  async function expectUnchanged({ family: [first, second, third], code, given }: Used): Promise<void> {
    await everywhere(async (node) => {
      const states = async (...tokens: string[]) =>
        Promise.all(tokens.map(async (token) => (await node.introspect(made.live, token)).json.active))
      expect(await states(first.refresh_token, second.refresh_token)).toEqual([false, false])
      expect(await states(third.refresh_token, third.access_token, first.access_token)).toEqual([true, true, true])
      expect(await states(given.refresh_token, given.access_token)).toEqual([true, true])
      const silent = await sameBrowserAt(node).open(authorizationPath(app, 'v'.repeat(43), { prompt: 'none' }))
      expect(silent.location).toMatch(/[?&]code=/)
    })
    const here = nodes[0] as Caller
    const fourth = (await refresh(here, app, third.refresh_token)).json
    expect(fourth.refresh_token).toBeDefined()
    expect((await refresh(here, app, first.refresh_token)).json.error).toBe('invalid_grant')
    expect((await redeem(here, app, code)).json.error).toBe('invalid_grant')
    const dead = [fourth, third, given].flatMap((each) => [each.refresh_token, each.access_token])
    await everywhere(async (node) => {
      for (const token of dead) {
        expect((await node.introspect(made.live, token)).json).toEqual({ active: false })
      }
    })
  }

  /** The same browser, whichever node it is sent to. */
  function sameBrowserAt(node: Caller): Browser {
    const same = browserAt(node, LIVE, made.owner)
    for (const [name, value] of browser.cookies) same.cookies.set(name, value)
    return same
  }

  test('after kill -9 of a node, and its restart [attack 39]', async () => {
    const before = await used()
    await kill(0)
    await restart(0)
    await expectUnchanged(before)
  })

  if (count === 1) return

  test('after kill -9 of all nodes, of Redis too where there is one, and their restart [attack 39]', async () => {
    const before = await used()
    await kill(0, 1)
    if (hasRedis) await redis.stop()
    if (hasRedis) await redis.start()
    await restart(0, 1)
    await expectUnchanged(before)
  })

  test('an app with a retry window goes on at the other node, whenever its own dies [attack 79]', async () => {
    const [here, there] = nodes as [Caller, Caller]
    const patient = await createAppAt(here, made.live.api_key, { refresh_retry_window: 300 })
    const families: Tokens[] = []
    // More than the caller has connections: the last of them aren't sent yet when the first is answered.
    for (let at = 0; at < 25; at++) families.push(await beginFamily(here, browser, patient))
    const underWay = families.map(({ refresh_token }) => refresh(here, patient, refresh_token))
    await Promise.race(underWay)
    servers[0]?.kill('SIGKILL')
    const answers = await Promise.allSettled(underWay)
    expect(await servers[0]?.ended).toBe('SIGKILL')
    expect(answers.filter(({ status }) => status === 'rejected').length).toBeGreaterThan(0)
    const again = await Promise.all(families.map(({ refresh_token }) => refresh(there, patient, refresh_token)))
    expect(again.map(({ status }) => status)).toEqual(families.map(() => 200))
    answers.forEach((answer, at) => {
      if (answer.status === 'rejected') return
      expect(again[at]?.json.refresh_token).toBe(answer.value.json.refresh_token)
    })
    await restart(0)
  })

  if (!hasRedis) return

  test('after Redis was killed and came back with what it had acknowledged [attack 39]', async () => {
    const before = await used()
    await redis.stop()
    await redis.start()
    await everywhere((node) =>
      vi.waitFor(async () => expect((await node.send('GET', '/readyz')).status).toBe(200), {
        ...{ timeout: 10_000, interval: 50 },
      }),
    )
    await expectUnchanged(before)
  })
})
