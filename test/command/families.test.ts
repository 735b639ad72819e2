import { beforeAll, describe, expect, test } from 'vitest'
import type { Bootstrap } from '../../server/tenancy/bootstrap.ts'
import { agree, type Browser, type TestApp } from '../oauth/people.ts'
import { freePorts } from '../services/server-process.ts'
import { type Answer, type Caller, callerAt } from './caller.ts'
import { authorizationRequest, beginFamily, browserAt, createAppAt, redeem, refresh } from './person.ts'
import { onCluster, onPostgres } from './postgres.ts'
import { type Environment, type Server, start } from './process.ts'

const LIVE = 'https://api.example.com'
const SANDBOX = 'https://sandbox.example.com'

/** PostgreSQL alone, or with Redis: the settings of any number of nodes. */
type Stores = () => Promise<Environment & { DATABASE_URL: string; REDIS_URL?: string }>

describe.each<[string, Stores]>([
  ['PostgreSQL and Redis', onCluster],
  ['PostgreSQL alone', onPostgres],
])('refresh families on two nodes, on %s', (_, stores) => {
  let made: Bootstrap
  let nodes: [Caller, Caller]
  let app: TestApp
  let browser: Browser

  beforeAll(async () => {
    const { KC_MASTER_KEY, DATABASE_URL, REDIS_URL } = await stores()
    const common = { KC_MASTER_KEY, DATABASE_URL, REDIS_URL, KC_LIVE_URL: LIVE, KC_SANDBOX_URL: SANDBOX }
    const ports = (await freePorts(2)) as [number, number]
    const node = (port: number) => start({ ...common, KC_PORT: String(port), KC_HOST: '127.0.0.1' })
    const first: Server = await node(ports[0]) // so that it is the one with the credentials
    await node(ports[1])
    made = await first.bootstrap()
    nodes = [callerAt(ports[0], LIVE), callerAt(ports[1], LIVE)]
    app = await createAppAt(nodes[0], made.live.api_key)
    browser = browserAt(nodes[0], LIVE, made.owner)
  })

  /** `count` calls at the same moment, every other one to the other node. */
  const atOnce = (count: number, call: (node: Caller) => Promise<Answer>): Promise<Answer[]> =>
    Promise.all(Array.from({ length: count }, (_, at) => call(nodes[at % 2 ? 1 : 0])))

  const statuses = (answers: readonly Answer[]) => {
    const ok = answers.filter(({ status }) => status === 200).length
    const refused = answers.filter(({ status, json }) => status === 400 && json.error === 'invalid_grant').length
    return { ok, refused }
  }

  async function expectActive(active: boolean, ...tokens: string[]): Promise<void> {
    for (const node of nodes) {
      const answers = await Promise.all(tokens.map((token) => node.introspect(made.live, token)))
      expect(answers.map(({ json }) => json.active)).toEqual(tokens.map(() => active))
    }
  }

  test('RFC 9700 §4.14.2: of 50 refreshes at once one wins, and the family is dead on both [attack 37]', async () => {
    for (let round = 0; round < 3; round++) {
      const first = await beginFamily(nodes[0], browser, app)
      await expectActive(true, first.access_token, first.refresh_token)
      const answers = await atOnce(50, (node) => refresh(node, app, first.refresh_token))
      expect(statuses(answers)).toEqual({ ok: 1, refused: 49 })
      const winner = answers.find(({ status }) => status === 200)?.json
      await expectActive(false, first.access_token, first.refresh_token, winner.access_token, winner.refresh_token)
    }
  })

  test('RFC 6749 §4.1.2: of 50 redemptions of a code at once one wins, and what it got is dead on both [attack 30]', async () => {
    for (let round = 0; round < 3; round++) {
      const code = await agree(browser, app)
      const answers = await atOnce(50, (node) => redeem(node, app, code))
      expect(statuses(answers)).toEqual({ ok: 1, refused: 49 })
      const winner = answers.find(({ status }) => status === 200)?.json
      await expectActive(false, winner.access_token, winner.refresh_token)
      expect(statuses([await refresh(nodes[1], app, winner.refresh_token)])).toEqual({ ok: 0, refused: 1 })
    }
  })

  test('RFC 9700 §4.14.2: a used token that comes back to either node ends the family on both [attack 35]', async () => {
    for (const [here, there] of [nodes, [nodes[1], nodes[0]]] as const) {
      const first = await beginFamily(here, browser, app)
      const second = (await refresh(there, app, first.refresh_token)).json
      const third = (await refresh(here, app, second.refresh_token)).json
      await expectActive(true, first.access_token, second.access_token, third.access_token, third.refresh_token)
      expect(statuses([await refresh(there, app, first.refresh_token)])).toEqual({ ok: 0, refused: 1 })
      await expectActive(false, first.access_token, second.access_token, third.access_token, third.refresh_token)
    }
  })

  test('RFC 7009 §2.1: revoked on one, a family is dead on the other [attack 72]', async () => {
    const { access_token, refresh_token } = await beginFamily(nodes[0], browser, app)
    const form = { client_id: app.client_id, token: refresh_token }
    expect((await nodes[0].send('POST', '/oauth/revoke', { form })).status).toBe(200)
    await expectActive(false, access_token, refresh_token)
  })

  describe('with a retry window', () => {
    let patient: TestApp
    beforeAll(async () => {
      patient = await createAppAt(nodes[0], made.live.api_key, { refresh_retry_window: 300 })
    })

    test('50 at once get the same successor from both nodes, and it alone is good [attack 37]', async () => {
      const first = await beginFamily(nodes[0], browser, patient)
      const answers = await atOnce(50, (node) => refresh(node, patient, first.refresh_token))
      expect(statuses(answers)).toEqual({ ok: 50, refused: 0 })
      const successors = new Set(answers.map(({ json }) => json.refresh_token as string))
      expect(successors.size).toBe(1)
      const [successor] = [...successors] as [string]
      await expectActive(false, first.refresh_token)
      await expectActive(true, successor, ...answers.map(({ json }) => json.access_token))
      expect((await refresh(nodes[1], patient, successor)).status).toBe(200)
    })

    test('a retry that races the use of what it got makes no second branch [attack 37]', async () => {
      for (let round = 0; round < 3; round++) {
        const first = await beginFamily(nodes[0], browser, patient)
        const second = (await refresh(nodes[1], patient, first.refresh_token)).json
        let turn = 0
        const answers = await atOnce(50, (node) =>
          refresh(node, patient, turn++ % 4 < 2 ? first.refresh_token : second.refresh_token),
        )
        const { ok, refused } = statuses(answers)
        expect(ok + refused).toBe(50)
        // A retry that came in time got the second; who used the second got a third, all of them the same one.
        const given = new Set(answers.flatMap(({ json }) => json.refresh_token ?? []))
        given.delete(second.refresh_token)
        expect(given.size).toBeLessThanOrEqual(1)
        for (const node of nodes) {
          const states = await Promise.all(
            [first.refresh_token, second.refresh_token, ...given].map((token) => node.introspect(made.live, token)),
          )
          expect(states.filter(({ json }) => json.active).length).toBeLessThanOrEqual(1)
        }
      }
    })

    test('an older generation is theft even so [attack 38]', async () => {
      const first = await beginFamily(nodes[0], browser, patient)
      const second = (await refresh(nodes[1], patient, first.refresh_token)).json
      const third = (await refresh(nodes[0], patient, second.refresh_token)).json
      expect((await refresh(nodes[1], patient, second.refresh_token)).json.refresh_token).toBe(third.refresh_token)
      expect(statuses([await refresh(nodes[1], patient, first.refresh_token)])).toEqual({ ok: 0, refused: 1 })
      await expectActive(false, second.access_token, third.access_token, third.refresh_token)
    })
  })

  test('RFC 9126 §4: of 20 uses of a pushed request at once one gets a code', async () => {
    const form = authorizationRequest(app, 'v'.repeat(43))
    const pushed = await nodes[0].send('POST', '/oauth/par', { form })
    expect(pushed.status).toBe(201)
    const { request_uri } = pushed.json
    const query = new URLSearchParams({ client_id: app.client_id, request_uri })
    const cookie = [...browser.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const answers = await atOnce(20, (node) => node.send('GET', `/oauth/authorize?${query}`, { headers: { cookie } }))
    expect(answers.filter(({ headers }) => /[?&]code=/.test(headers.location ?? ''))).toHaveLength(1)
    expect(answers.filter(({ status }) => status >= 500)).toEqual([])
  })
})
