import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import type { Bootstrap } from '../../server/tenancy/bootstrap.ts'
import { type Agreed, agree, type Browser, type Page, type TestApp } from '../oauth/people.ts'
import { startPostgres, type TestServer } from '../services/postgres.ts'
import { startRedis } from '../services/redis.ts'
import { createTestDatabase } from '../services/spaces.ts'
import { type Answer, type Caller, callerAt } from './caller.ts'
import {
  authorizationPath,
  authorizationRequest,
  beginFamily,
  browserAt,
  createAppAt,
  redeem,
  refresh,
  type Tokens,
} from './person.ts'
import { MASTER_KEY, onPostgres, portOf } from './postgres.ts'
import { type Server, start } from './process.ts'

/** Milliseconds: the contract's five seconds. */
const DEADLINE = 5_000
const VERIFIER = 'v'.repeat(43)
const ASKED = { scope: 'openid api-keys:read' }

describe('a store that is away while people sign in', () => {
  let stores: { redis: TestServer; postgres: TestServer }
  let issuer: string
  let server: Server
  let made: Bootstrap
  let caller: Caller
  let app: TestApp

  beforeAll(async () => {
    const durable = ['--appendonly', 'yes', '--appendfsync', 'always']
    const [redis, postgres] = await Promise.all([startRedis(...durable), startPostgres()])
    stores = { redis, postgres }
    const { KC_LIVE_URL, KC_SANDBOX_URL } = await onPostgres()
    issuer = KC_LIVE_URL
    server = await start({
      ...{ KC_LIVE_URL, KC_SANDBOX_URL, KC_MASTER_KEY: MASTER_KEY },
      ...{ DATABASE_URL: await createTestDatabase(postgres.url), REDIS_URL: redis.url },
    })
    made = await server.bootstrap()
    caller = callerAt(portOf(issuer))
    app = await createAppAt(caller, made.live.api_key)
  })
  afterAll(() => Promise.all([stores.redis.remove(), stores.postgres.remove()]))

  /** A browser, and what it was answered. */
  interface Visitor {
    readonly browser: Browser
    last(): Answer
  }

  function visitor(): Visitor {
    const answers: Answer[] = []
    async function send(...sent: Parameters<Caller['send']>): Promise<Answer> {
      const answer = await caller.send(...sent)
      answers.push(answer)
      return answer
    }
    return { browser: browserAt({ ...caller, send }, issuer, made.owner), last: () => answers.at(-1) as Answer }
  }

  interface At extends Visitor {
    readonly page: Page
  }

  const enterPassword = ({ browser, page }: At) =>
    browser.submit(page, /\/password$/, { email: made.owner.email, password: made.owner.password })
  const allow = ({ browser, page }: At) => browser.submit(page, /\/consent$/, { decision: 'allow' })

  /** Everything that can be half done when a store goes away. */
  interface UnderWay {
    readonly family: Tokens
    readonly revoking: Tokens
    readonly code: Agreed
    readonly signedIn: Visitor
    readonly entering: At
    readonly consenting: At
  }

  async function begin(): Promise<UnderWay> {
    const signedIn = visitor()
    const { browser } = signedIn
    const opened = async (): Promise<At> => {
      const other = visitor()
      return { ...other, page: await other.browser.open(pathOf('login consent')) }
    }
    const entered = await opened()
    return {
      family: await beginFamily(caller, browser, app, ASKED),
      revoking: await beginFamily(caller, browser, app, ASKED),
      code: await agree(browser, app, ASKED),
      signedIn,
      entering: await opened(),
      consenting: { ...entered, page: await enterPassword(entered) },
    }
  }

  /** Of a browser, what it was answered at the end. */
  const seenBy = async (visitor: Visitor, going: Promise<Page>) => {
    await going
    return visitor.last()
  }

  const pathOf = (prompt?: string) => authorizationPath(app, VERIFIER, { ...ASKED, ...(prompt && { prompt }) })
  const revoke = (token: string) => caller.send('POST', '/oauth/revoke', { form: { client_id: app.client_id, token } })

  const steps = ({ signedIn, entering, consenting, code, family, revoking }: UnderWay) => ({
    authorizeSignedIn: () => seenBy(signedIn, signedIn.browser.open(pathOf('none'))),
    authorizeNewcomer: () => {
      const newcomer = visitor()
      return seenBy(newcomer, newcomer.browser.open(pathOf()))
    },
    push: () => caller.send('POST', '/oauth/par', { form: authorizationRequest(app, VERIFIER, ASKED) }),
    password: () => seenBy(entering, enterPassword(entering)),
    consent: () => seenBy(consenting, allow(consenting)),
    redeem: () => redeem(caller, app, code),
    refresh: () => refresh(caller, app, family.refresh_token),
    userinfo: () => caller.api('GET', '/oauth/userinfo', family.access_token),
    revoke: () => revoke(revoking.refresh_token),
  })

  type Step = keyof ReturnType<typeof steps>

  async function takeAll(underWay: UnderWay): Promise<Record<Step, Answer>> {
    const timed = Object.entries(steps(underWay)).map(async ([step, take]) => {
      const began = performance.now()
      const answer = await take()
      expect({ step, inTime: performance.now() - began < DEADLINE }).toEqual({ step, inTime: true })
      return [step, answer]
    })
    return Object.fromEntries(await Promise.all(timed))
  }

  /** 503, and nothing half done: no redirect to the app, nothing about our insides. */
  function checkRefusals(answers: Record<Step, Answer>): void {
    for (const [step, { status, headers, text }] of Object.entries(answers)) {
      expect({ step, leaks: /\n +at |\wError: |ECONN|postgres|redis\b|prisma/.test(text) }).toEqual({
        step,
        leaks: false,
      })
      expect({ step, location: headers.location }).toEqual({ step, location: undefined })
      if (status < 500) continue
      const said = { step, status, retryAfter: Number(headers['retry-after']) > 0, cache: headers['cache-control'] }
      expect(said).toEqual({ step, status: 503, retryAfter: true, cache: expect.stringContaining('no-store') })
    }
  }

  const isActive = async (token: string) => (await caller.introspect(made.live, token)).json.active

  /** Each step goes on from where it was, as if the store had never been away. */
  async function goOn(
    { signedIn, entering, consenting, code, family, revoking }: UnderWay,
    away: Record<Step, Answer>,
  ) {
    const refreshed = away.refresh.status === 200 ? away.refresh.json : undefined
    const again = await refresh(caller, app, refreshed?.refresh_token ?? family.refresh_token)
    expect(again.status).toBe(200)
    expect(await isActive(again.json.access_token)).toBe(true)
    const redeemed = away.redeem.status === 200 ? away.redeem : await redeem(caller, app, code)
    expect(await isActive(redeemed.json.access_token)).toBe(true)

    expect((await revoke(revoking.refresh_token)).status).toBe(200)
    for (const token of [revoking.refresh_token, revoking.access_token]) expect(await isActive(token)).toBe(false)

    const pages = [
      await signedIn.browser.open(pathOf('none')),
      await allow(consenting),
      await allow({ ...entering, page: await enterPassword(entering) }),
    ]
    for (const { location } of pages) {
      const value = new URL(location as string).searchParams.get('code')
      expect((await redeem(caller, app, { code: value, code_verifier: VERIFIER })).status).toBe(200)
    }
  }

  describe.each([
    ['stopped', (store: TestServer) => store.stop(), (store: TestServer) => store.start()],
    ['suspended', async (store: TestServer) => store.suspend(), async (store: TestServer) => store.resume()],
  ])('%s', (_, takeAway, bringBack) => {
    test.each(['redis', 'postgres'] as const)(
      '%s: 503, and each step goes on where it was [attack 77]',
      { timeout: 60_000 },
      async (name) => {
        const underWay = await begin()
        await takeAway(stores[name])
        const answers = await takeAll(underWay)
        await bringBack(stores[name])
        const ready = async () => expect((await caller.send('GET', '/readyz')).status).toBe(200)
        await vi.waitFor(ready, { timeout: 10_000, interval: 100 })
        checkRefusals(answers)
        const refused = Object.keys(answers).filter((step) => answers[step as Step].status === 503)
        expect(refused).toEqual(expect.arrayContaining(NEEDS[name]))
        await goOn(underWay, answers)
      },
    )
  })

  test('none of it was a failure of ours', () => {
    expect(server.output()).not.toContain('a request failed')
  })
})

/** What can't be done without it. Copies of the rest are in memory and in Redis. */
const NEEDS = {
  redis: ['authorizeSignedIn', 'authorizeNewcomer', 'push', 'password', 'consent', 'redeem', 'refresh', 'revoke'],
  postgres: ['authorizeSignedIn', 'password', 'consent'],
}
