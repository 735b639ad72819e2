import { randomBytes } from 'node:crypto'
import { beforeAll, describe, expect, test } from 'vitest'
import { deriveMasterKeys } from '../../server/credentials/master-key.ts'
import { createDpopNonces } from '../../server/oauth/dpop-nonce.ts'
import { createSweep } from '../../server/storage/sweeper.ts'
import { createTestClock } from '../clock.ts'
import { describeDeployments } from '../deployments.ts'
import { createApp, createPerson, issueCode } from '../oauth/people.ts'
import { createProver, type Prover } from '../oauth/prover.ts'
import { TOKEN_EXCHANGE, type } from '../oauth/workloads.ts'
import { type Caller, startDeployment, type TestDeployment } from '../start.ts'

const STEP = 60_000

describeDeployments('a DPoP proof that is shown again', (open) => {
  let deployment: TestDeployment
  let live: Caller
  let other: Caller
  let prover: Prover

  beforeAll(async () => {
    // An hour behind: nothing is swept that isn't over by the database's clock as well, which a test can't move.
    deployment = await startDeployment(open, { clock: createTestClock(Date.now() - 3_600_000) })
    const [one, two] = deployment.nodes
    live = one.at('live')
    other = two.at('live')
    prover = await createProver(deployment.clock.now)
  })
  const seconds = () => Math.floor(deployment.clock.now() / 1000)
  const prove = (claims: object = {}) => prover.prove('POST', `${live.issuer}/oauth/token`, { ...claims })
  const mint = async (dpop: string, at: Caller = live) => {
    const { status, body, headers } = await at.token(deployment.made.live, {}, { dpop })
    return { status, error: body.error, nonce: headers['dpop-nonce'] as string | undefined }
  }
  const sweep = () => createSweep({ stores: [deployment.storage.state.live], vacuum: async () => {} }).run()

  test('dated 290 s ahead, and again 310 s later, and 585 s: refused on every node, swept or not [attack 63]', async () => {
    const proof = await prove({ iat: seconds() + 290 })
    expect((await mint(proof)).status).toBe(200)
    for (const after of [10, 300, 275]) {
      deployment.clock.advance(after * 1000)
      await sweep()
      for (const node of [live, other]) {
        expect(await mint(proof, node)).toMatchObject({ status: 400, error: 'invalid_dpop_proof' })
      }
    }
    // Another of that age is good: what refuses this one is that it was seen.
    expect((await mint(await prove({ iat: seconds() - 295 }))).status).toBe(200)
    deployment.clock.advance(6_000)
    await sweep()
    expect(await mint(proof, other)).toMatchObject({ status: 400, error: 'use_dpop_nonce' })
  })

  describe('a nonce', () => {
    test("another server's, the sandbox's, an old one: a fresh one comes, and one retry with it suffices [attack 64]", async () => {
      const masterKeys = deriveMasterKeys([randomBytes(32)])
      const foreign = createDpopNonces({ mode: 'live', masterKeys, clock: deployment.clock }).newest()
      const sandbox = deployment.nodes[0].at('test')
      const dpop = await prover.prove('POST', `${sandbox.issuer}/oauth/token`)
      const ofSandbox = (await sandbox.token(deployment.made.test, {}, { dpop })).headers['dpop-nonce']
      const old = (await mint(await prove())).nonce
      deployment.clock.advance(5 * STEP)
      for (const nonce of [foreign, ofSandbox, old, '', 'x', `${foreign}x`]) {
        for (const iat of [seconds(), 1]) {
          const refused = await mint(await prove({ nonce, iat }))
          expect(refused).toMatchObject({ status: 400, error: 'use_dpop_nonce' })
          expect(refused.nonce).not.toBe(nonce)
          const retried = await mint(await prove({ nonce: refused.nonce, iat }), other)
          expect(retried).toEqual({ status: 200, error: undefined, nonce: undefined })
        }
      }
    })

    test('is renewed between the answer and the retry: the retry is taken, and brings the next [attack 64]', async () => {
      const refused = await mint(await prove({ iat: 1 }))
      expect(refused.error).toBe('use_dpop_nonce')
      deployment.clock.advance(STEP)
      const { status, nonce } = await mint(await prove({ iat: 1, nonce: refused.nonce }), other)
      expect(status).toBe(200)
      expect(nonce).not.toBe(refused.nonce)
      expect((await mint(await prove({ iat: 1, nonce }))).status).toBe(200)
    })

    test('is renewed and ended by the clock alone, at the very moment [attack 64]', async () => {
      const untilStep = STEP - (deployment.clock.now() % STEP)
      deployment.clock.advance(untilStep)
      const first = (await mint(await prove())).nonce
      deployment.clock.advance(STEP - 1)
      expect((await mint(await prove())).nonce).toBe(first)
      deployment.clock.advance(1)
      expect((await mint(await prove(), other)).nonce).not.toBe(first)
      deployment.clock.advance(4 * STEP - 1)
      expect((await mint(await prove({ nonce: first, iat: 1 }))).status).toBe(200)
      deployment.clock.advance(1)
      expect((await mint(await prove({ nonce: first, iat: 1 }))).error).toBe('use_dpop_nonce')
    })
  })

  describe('is invalid_dpop_proof, whatever the grant, and costs nothing', () => {
    test('a code, then a refresh token, then an exchange [attack 65]', async () => {
      const app = await createApp(live, deployment.made.live.api_key)
      const code = await issueCode(deployment, await createPerson(deployment), app, { resource: live.issuer })
      const used = await prove()
      const post = (form: object, dpop: string, at = live) =>
        at.form('/oauth/token', { client_id: app.client_id, ...form } as Record<string, string>, { dpop })
      expect((await mint(used)).status).toBe(200)

      const expectRefusedThenGiven = async (form: object) => {
        for (const node of [live, other]) {
          const { status, body } = await post(form, used, node)
          expect([status, body.error]).toEqual([400, 'invalid_dpop_proof'])
        }
        const { status, body } = await post(form, await prove())
        expect([status, body.token_type], JSON.stringify(body)).toEqual([200, 'DPoP'])
        return body
      }
      const { refresh_token } = await expectRefusedThenGiven({ grant_type: 'authorization_code', ...code })
      const { access_token } = await expectRefusedThenGiven({ grant_type: 'refresh_token', refresh_token })
      const subject = { subject_token: access_token, subject_token_type: type('access_token') }
      await expectRefusedThenGiven({ grant_type: TOKEN_EXCHANGE, ...subject })
    })

    test('a client by its secret [attack 65]', async () => {
      const proof = await prove()
      expect((await mint(proof)).status).toBe(200)
      expect(await mint(proof, other)).toMatchObject({ status: 400, error: 'invalid_dpop_proof' })
    })
  })
})
