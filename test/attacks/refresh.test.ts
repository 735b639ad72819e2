import { beforeAll, expect, test } from 'vitest'
import { describeDeployments } from '../deployments.ts'
import { createApp, createPerson, type IssuedCode, issueCode, type Person, type TestApp } from '../oauth/people.ts'
import { createProver } from '../oauth/prover.ts'
import { basic, type Caller, startDeployment, type TestDeployment } from '../start.ts'
import { receiver } from '../webhooks/receiver.ts'

const HOUR = 3600
const ASKED = ['api-keys:read', 'api-keys:write']

describeDeployments('a refresh token in the wrong hands', (open) => {
  let deployment: TestDeployment
  let live: Caller
  let there: Caller
  let key: string
  let person: Person
  /** Its used token is answered again for a minute. */
  let patient: TestApp

  beforeAll(async () => {
    deployment = await startDeployment(open, { outboundAllow: ['127.0.0.1'] })
    live = deployment.nodes[0].at('live')
    there = deployment.nodes[1].at('live')
    key = deployment.made.live.api_key
    person = await createPerson(deployment)
    patient = await createApp(live, key, { refresh_retry_window: 60 })
  })

  const as = ({ client_id, client_secret }: TestApp) => ({ client_id, ...(client_secret && { client_secret }) })

  async function begin(app: TestApp, wishes: Partial<IssuedCode> = {}, headers = {}) {
    const agreed = await issueCode(deployment, person, app, { resource: live.issuer, scope: ASKED, ...wishes })
    const { code, code_verifier, redirect_uri } = agreed
    const form = { grant_type: 'authorization_code', ...as(app), code, code_verifier, redirect_uri }
    const { status, body } = await live.form('/oauth/token', form, headers)
    expect(status).toBe(200)
    return body as { access_token: string; refresh_token: string }
  }

  const refresh = (refresh_token: string, form: Record<string, string>, headers = {}, at = there) =>
    at.form('/oauth/token', { grant_type: 'refresh_token', refresh_token, ...form }, headers)

  const refused = async (request: ReturnType<typeof refresh>, error: string, status = 400) => {
    const answer = await request
    expect([answer.status, answer.body.error]).toEqual([status, error])
  }

  async function expectDead(...tokens: string[]): Promise<void> {
    for (const token of tokens) {
      for (const at of [live, there]) {
        expect((await at.introspect(deployment.made.live, token)).body).toEqual({ active: false })
      }
    }
  }

  test('after the retry window the family is dead, and an admin is told by the log and by a webhook [attack 35]', async () => {
    const { url, received, arrived } = await receiver()
    await live.api('POST', '/v1/webhooks', key, { url, events: ['refresh_family.theft_detected'] })
    const first = await begin(patient)
    const second = (await refresh(first.refresh_token, as(patient))).body
    const third = (await refresh(second.refresh_token, as(patient))).body
    deployment.clock.advance(60_001)
    await refused(refresh(second.refresh_token, as(patient)), 'invalid_grant')
    await expectDead(...[first, second, third].flatMap((each) => [each.access_token, each.refresh_token]))
    await refused(refresh(third.refresh_token, as(patient), {}, live), 'invalid_grant')

    const log = await live.api('GET', '/v1/audit-logs?limit=1&action=refresh_family.theft_detected', key)
    expect(log.body.data[0]).toMatchObject({ actor: { id: patient.id }, details: { reason: 'refresh_token_reused' } })
    await arrived(1)
    const [message] = received
    expect(JSON.parse(message?.body ?? '')).toMatchObject({ data: log.body.data[0] })
  })

  test.each<[string, (app: TestApp) => Promise<Record<string, string>>]>([
    ['asks for more', async (app) => ({ ...as(app), scope: ASKED.join(' ') })],
    ['asks for more than was ever agreed to', async (app) => ({ ...as(app), scope: 'api-keys:read tenant:write' })],
    ['is another client', async () => ({ ...as(await createApp(live, key)), scope: 'api-keys:read' })],
    [
      'is another client, and patient too',
      async () => ({
        ...as(await createApp(live, key, { refresh_retry_window: 60 })),
        scope: 'api-keys:read',
      }),
    ],
  ])('within the window somebody who %s ends the family [attack 36]', async (_, thief) => {
    const first = await begin(patient)
    const request = { ...as(patient), scope: 'api-keys:read' }
    const second = (await refresh(first.refresh_token, request)).body
    const again = await refresh(first.refresh_token, request, {}, live)
    expect([again.status, again.body.refresh_token]).toEqual([200, second.refresh_token])
    await refused(refresh(first.refresh_token, await thief(patient)), 'invalid_grant')
    await expectDead(first.access_token, second.access_token, again.body.access_token, second.refresh_token)
  })

  test('within the window somebody without the DPoP key ends the family [attack 36]', async () => {
    const prover = await createProver(deployment.clock.now)
    const proof = async () => ({ dpop: await prover.prove('POST', `${live.issuer}/oauth/token`) })
    const first = await begin(patient, {}, await proof())
    const second = (await refresh(first.refresh_token, as(patient), await proof())).body
    const again = await refresh(first.refresh_token, as(patient), await proof(), live)
    expect(again.body.refresh_token).toBe(second.refresh_token)
    await refused(refresh(first.refresh_token, as(patient)), 'invalid_grant')
    await expectDead(second.access_token, again.body.access_token, second.refresh_token)
  })

  test("a confidential app's is nothing without the app's own secret, and unharmed by the attempt [attack 40]", async () => {
    const app = await createApp(live, key, { type: 'confidential' })
    const other = await createApp(live, key, { type: 'confidential' })
    const { refresh_token } = await begin(app)
    const { client_id } = app
    const secret = app.client_secret as string
    const attempts: [Record<string, string>, object?][] = [
      [{ client_id }],
      [{ client_id, client_secret: '' }],
      [{ client_id, client_secret: secret.slice(0, -1) }],
      [{ client_id, client_secret: other.client_secret as string }],
      [{}, { authorization: basic({ client_id, client_secret: '' }) }],
      [{}, { authorization: basic({ client_id, client_secret: `${secret}x` }) }],
      [{ client_id, client_assertion: 'e30.e30.', client_assertion_type: ASSERTION }],
    ]
    for (const [form, headers = {}] of attempts) {
      for (const at of [live, there]) {
        const { status, body } = await refresh(refresh_token, form, headers, at)
        expect([form, status, body.error]).toEqual([form, 401, 'invalid_client'])
      }
    }
    expect((await refresh(refresh_token, as(app))).status).toBe(200)
  })

  test("a confidential app's in the hands of a public one is theft [attack 40]", async () => {
    const app = await createApp(live, key, { type: 'confidential' })
    const first = await begin(app)
    await refused(refresh(first.refresh_token, as(patient)), 'invalid_grant')
    await expectDead(first.access_token, first.refresh_token)
    await refused(refresh(first.refresh_token, as(app), {}, live), 'invalid_grant')
  })

  test('whoever refreshes for ever is at the end at the absolute limit, told at the start [attack 42]', async () => {
    const app = await createApp(live, key, {
      refresh_idle: 20 * HOUR,
      refresh_absolute: 72 * HOUR,
      refresh_retry_window: 300,
    })
    const endsAt = Math.floor(deployment.clock.now() / 1000) + 72 * HOUR
    let token = (await begin(app)).refresh_token
    for (let turn = 0; turn < 4; turn++) {
      const { exp } = (await there.introspect(deployment.made.live, token)).body
      expect(exp).toBeLessThanOrEqual(endsAt)
      deployment.clock.advance(17.9 * HOUR * 1000)
      const { status, body } = await refresh(token, as(app), {}, turn % 2 ? live : there)
      expect(status).toBe(200)
      token = body.refresh_token
    }
    const last = (await refresh(token, as(app))).body
    expect((await there.introspect(deployment.made.live, last.refresh_token)).body).toMatchObject({
      active: true,
      exp: endsAt,
    })
    deployment.clock.advance(0.4 * HOUR * 1000)
    for (const at of [live, there]) {
      await refused(refresh(last.refresh_token, as(app), {}, at), 'invalid_grant')
      expect((await at.introspect(deployment.made.live, last.refresh_token)).body).toEqual({ active: false })
    }
  })

  test('a bound one is nothing without a good proof of its key, and unharmed by the attempt [attack 43]', async () => {
    const endpoint = `${live.issuer}/oauth/token`
    const [prover, thief] = [await createProver(deployment.clock.now), await createProver(deployment.clock.now)]
    const app = await createApp(live, key)
    const seen = await prover.prove('POST', endpoint)
    const first = await begin(app, {}, { dpop: seen })
    const attempts: [object, string][] = [
      [{}, 'invalid_grant'],
      [{ dpop: await thief.prove('POST', endpoint) }, 'invalid_grant'],
      [{ dpop: seen }, 'invalid_dpop_proof'], // replayed
      [{ dpop: await prover.prove('POST', `${live.issuer}/oauth/par`) }, 'invalid_dpop_proof'],
      [{ dpop: await prover.prove('GET', endpoint) }, 'invalid_dpop_proof'],
    ]
    for (const [headers, error] of attempts) await refused(refresh(first.refresh_token, as(app), headers), error)
    let newest = first
    for (const at of [live, there]) {
      newest = (await refresh(newest.refresh_token, as(app), { dpop: await prover.prove('POST', endpoint) }, at)).body
      for (const token of [newest.access_token, newest.refresh_token]) {
        const { body } = await there.introspect(deployment.made.live, token)
        expect(body).toMatchObject({ active: true, cnf: { jkt: prover.jkt } })
      }
    }
    await refused(refresh(newest.refresh_token, as(app)), 'invalid_grant')
  })
})

const ASSERTION = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
