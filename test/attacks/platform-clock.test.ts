import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openStorage, type Storage } from '../../server/storage/open.ts'
import { createTestClock, type TestClock } from '../clock.ts'
import { type Caller, callerAt } from '../command/caller.ts'
import { authorizationPath, beginFamily, browserAt, createAppAt, redeem, refresh } from '../command/person.ts'
import { describeDeployment, type TestStorage } from '../deployments.ts'
import { LIVE, startPublicNode } from '../http/nodes.ts'
import { agree, type Browser, type TestApp } from '../oauth/people.ts'
import { ath, createProver, type Prover } from '../oauth/prover.ts'
import { startDeployment, type TestDeployment } from '../start.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE

describe.each(['database', 'cluster'] as const)('a node whose clock is off', (only) => {
  describe.each([
    ['an hour ahead', HOUR],
    ['an hour behind', -HOUR],
  ])('%s', (_, jump) => {
    describeDeployment(only, 'of two', (open) => {
      let deployment: TestDeployment
      let clocks: { right: TestClock; wrong: TestClock }
      let stores: { right: Storage; wrong: Storage }
      let right: Caller
      let wrong: Caller
      let browser: Browser
      let app: TestApp

      beforeAll(async () => {
        let opened: TestStorage | undefined
        deployment = await startDeployment(async (needs) => {
          opened = await open(needs)
          return opened
        })
        clocks = { right: deployment.clock, wrong: createTestClock(deployment.clock.now() + jump) }
        const settings = (opened as TestStorage).settings
        const storage = await openStorage(settings, { clock: clocks.wrong, log: pino({ level: 'silent' }) })
        afterAll(() => storage.close())
        stores = { right: deployment.storage, wrong: storage }
        right = callerAt((await startPublicNode(deployment)).port, LIVE)
        wrong = callerAt((await startPublicNode(deployment, { storage, clock: clocks.wrong })).port, LIVE)
        browser = browserAt(right, LIVE, deployment.made.owner)
        app = await createAppAt(right, deployment.made.live.api_key)
      })

      const key = () => deployment.made.live
      /** Time goes by, on both at the same pace; and each clears up, as it does by itself once a minute. */
      async function pass(milliseconds: number): Promise<void> {
        for (const clock of Object.values(clocks)) clock.advance(milliseconds)
        for (const { state } of Object.values(stores)) await state.live.sweep(10_000)
      }
      const isActive = async (at: Caller, token: string) => (await at.introspect(key(), token)).json.active as boolean

      test('a revocation holds at once, whichever of them hears of it [attack 78]', async () => {
        for (const [here, there] of [
          [right, wrong],
          [wrong, right],
        ] as const) {
          for (const minting of [here, there]) {
            const token = await minting.mint(key())
            // Also where it is over by the clock of whoever hears of it: by the other's it may not be.
            expect((await here.revoke(key(), token)).status).toBe(200)
            expect([await isActive(there, token), await isActive(here, token)]).toEqual([false, false])
          }
          const created = await here.api('POST', '/v1/api-keys', key().api_key, { kind: 'standard', name: 'k' })
          const token = await there.mint(created.json)
          expect((await here.api('DELETE', `/v1/api-keys/${created.json.id}`, key().api_key)).status).toBe(204)
          expect((await there.token(created.json)).status).toBe(401)
          expect(await isActive(there, token)).toBe(false)
        }
      })

      test('a proof is good once, on both together, for as long as either would take it [attack 78]', async () => {
        const prover = await createProver(clocks.right.now)
        const dpop = await prover.prove('POST', `${LIVE}/oauth/token`)
        const bound = await right.send('POST', '/oauth/token', minting(dpop))
        expect([bound.status, bound.json.token_type]).toEqual([200, 'DPoP'])
        const token = bound.json.access_token
        const proofs = [dpop, await prover.prove('GET', `${LIVE}/v1/me`, { ath: ath(token) })] as const
        const me = (at: Caller) =>
          at.send('GET', '/v1/me', { headers: { authorization: `DPoP ${token}`, dpop: proofs[1] } })
        expect((await me(right)).status).toBe(200)
        const taken: string[] = []
        for (let minute = 0; minute < 130; minute += minute < 10 ? 1 : 10) {
          for (const [name, at] of Object.entries({ right, wrong })) {
            if ((await at.send('POST', '/oauth/token', minting(dpop))).status === 200)
              taken.push(`${name} at ${minute}`)
            if ((await me(at)).status === 200) taken.push(`${name}: /v1/me at ${minute}`)
          }
          await pass(minute < 10 ? MINUTE : 10 * MINUTE)
        }
        // By the clock of one that is behind, a proof becomes new when the others have long forgotten it: then it is
        // good once more, there alone. Nodes can't know; `keycourt doctor` tells.
        expect(taken.filter((each) => !(jump < 0 && /^wrong.* at [56]0$/.test(each)))).toEqual([])
        expect(taken.length).toBeLessThanOrEqual(2)
      })

      const minting = (dpop: string) => ({
        form: { grant_type: 'client_credentials', ...pair() },
        headers: { dpop },
      })
      const pair = () => ({ client_id: key().client_id, client_secret: key().client_secret })

      test('one retry with the nonce of the node itself is enough [attack 78]', async () => {
        const prover: Prover = await createProver(clocks.right.now)
        const refused = await wrong.send(
          'POST',
          '/oauth/token',
          minting(await prover.prove('POST', `${LIVE}/oauth/token`)),
        )
        expect([refused.status, refused.json.error]).toEqual([400, 'use_dpop_nonce'])
        const nonce = refused.headers['dpop-nonce']
        const again = minting(await prover.prove('POST', `${LIVE}/oauth/token`, { nonce }))
        expect((await wrong.send('POST', '/oauth/token', again)).status).toBe(200)
        expect((await wrong.send('POST', '/oauth/token', again)).status).toBe(400)
        // Of the other node it is no nonce; but that one has another, and asks no third time.
        const there = await right.send(
          'POST',
          '/oauth/token',
          minting(await prover.prove('POST', `${LIVE}/oauth/token`, { nonce })),
        )
        expect(there.json.error).toBe('use_dpop_nonce')
        const own = { nonce: there.headers['dpop-nonce'] }
        const last = minting(await prover.prove('POST', `${LIVE}/oauth/token`, own))
        expect((await right.send('POST', '/oauth/token', last)).status).toBe(200)
      })

      test('a client assertion is good once, however long it is kept for a second time [attack 78]', async () => {
        const { privateKey, publicKey } = await generateKeyPair('ES256')
        const jwks = { keys: [{ ...(await exportJWK(publicKey)), alg: 'ES256' }] }
        const user = await right.api('POST', '/v1/service-users', key().api_key, {
          name: 'robot',
          role: 'viewer',
          jwks,
        })
        const id = user.json.client_id
        const iat = Math.floor(clocks.right.now() / 1000)
        const claims = { iss: id, sub: id, aud: LIVE, jti: crypto.randomUUID(), iat, exp: iat + 290 }
        const client_assertion = await new SignJWT(claims).setProtectedHeader({ alg: 'ES256' }).sign(privateKey)
        const client_assertion_type = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
        const form = { grant_type: 'client_credentials', client_assertion, client_assertion_type }
        expect((await right.send('POST', '/oauth/token', { form })).status).toBe(200)
        const taken: string[] = []
        for (let minute = 0; minute < 130; minute += minute < 8 ? 1 : 10) {
          for (const [name, at] of Object.entries({ right, wrong })) {
            if ((await at.send('POST', '/oauth/token', { form })).status === 200) taken.push(`${name} at ${minute}`)
          }
          await pass(minute < 8 ? MINUTE : 10 * MINUTE)
        }
        expect(taken).toEqual([])
      })

      test('a code is redeemed once, and no later than its minute and the hour [attack 78]', async () => {
        for (const [first, second] of [
          [right, wrong],
          [wrong, right],
        ] as const) {
          const code = await agree(browser, app)
          const one = await redeem(first, app, code)
          const other = await redeem(second, app, code)
          const redeemed = [one, other].filter(({ status }) => status === 200)
          expect(redeemed.length).toBeLessThanOrEqual(1)
          for (const { json } of [one, other]) expect(json.error ?? 'invalid_grant').toBe('invalid_grant')
          // What is presented again where it was redeemed ends what it gave.
          const [at, given] = one.status === 200 ? [first, one] : [second, other]
          expect((await redeem(at, app, code)).json.error).toBe('invalid_grant')
          if (given.status === 200) expect(await isActive(at, given.json.access_token)).toBe(false)
        }
        if (only === 'cluster') return // Redis counts lifetimes by its own clock, which no test moves
        const late = await agree(browser, app)
        await pass(HOUR + 2 * MINUTE)
        for (const at of [right, wrong]) expect((await redeem(at, app, late)).json.error).toBe('invalid_grant')
      })

      test('of a family there is one living branch, and theft is theft on both [attack 78]', async () => {
        for (const [here, there] of [
          [right, wrong],
          [wrong, right],
        ] as const) {
          const first = await beginFamily(right, browser, app)
          const second = await refresh(here, app, first.refresh_token)
          const third = await refresh(there, app, second.json.refresh_token)
          expect([second.status, third.status]).toEqual([200, 200])
          expect((await refresh(here, app, first.refresh_token)).json.error).toBe('invalid_grant')
          for (const at of [here, there]) {
            for (const { json } of [second, third]) {
              expect([await isActive(at, json.access_token), await isActive(at, json.refresh_token)]).toEqual([
                false,
                false,
              ])
            }
          }
        }
        // With a retry window, which the clocks see differently: the same successor or none, never another.
        const patient = await createAppAt(right, key().api_key, { refresh_retry_window: 60 })
        const first = await beginFamily(right, browser, patient)
        const second = await refresh(right, patient, first.refresh_token)
        const retried = await refresh(wrong, patient, first.refresh_token)
        if (retried.status === 200) expect(retried.json.refresh_token).toBe(second.json.refresh_token)
        else
          expect([retried.json.error, await isActive(right, second.json.refresh_token)]).toEqual([
            'invalid_grant',
            false,
          ])
      })

      test('who is signed in is so at both; signed out at one, at neither [attack 78]', async () => {
        const elsewhere = browserAt(wrong, LIVE, deployment.made.owner)
        for (const [name, value] of browser.cookies) elsewhere.cookies.set(name, value)
        const silent = () => elsewhere.open(authorizationPath(app, 'v'.repeat(43), { prompt: 'none' }))
        expect((await silent()).location).toMatch(/[?&]code=/)
        await browser.submit(await browser.open('/account'), /\/sign-out$/)
        expect((await silent()).location).toMatch(/error=login_required/)
      })

      // The last one: what the other tests have is over after it.
      test('no token lives longer than its hour and the hour that the clock is off [attack 78]', async () => {
        const tokens = [await right.mint(key()), await wrong.mint(key())]
        const states = async () =>
          Promise.all([right, wrong].flatMap((at) => tokens.map((token) => isActive(at, token))))
        // What the right one gave is good at the right one, whatever the other cleared up meanwhile.
        await pass(MINUTE)
        expect((await states())[0]).toBe(true)
        await pass(2 * HOUR)
        expect(await states()).toEqual([false, false, false, false])
        expect(tokens).toHaveLength(2)
      })
    })
  })
})
