import { beforeAll, expect, test } from 'vitest'
import { describeDeployments } from '../deployments.ts'
import { type Caller, startDeployment, type TestDeployment } from '../start.ts'
import { createIssuer, type TestIssuer } from '../workload-identity/issuer.ts'
import { createProver } from './prover.ts'
import {
  createServiceUser,
  createWorkloads,
  equals,
  type TestBinding,
  type TestServiceUser,
  type Workloads,
} from './workloads.ts'

const ASSERTION = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

describeDeployments("a platform's token as client_assertion (RFC 7523 §2.2)", (open) => {
  let deployment: TestDeployment
  let live: Caller
  let other: Caller
  let platform: TestIssuer
  let workloads: Workloads
  let user: TestServiceUser
  let binding: TestBinding

  beforeAll(async () => {
    deployment = await startDeployment(open, { outboundAllow: ['127.0.0.1'] })
    const [one, two] = deployment.nodes
    live = one.at('live')
    other = two.at('live')
    platform = await createIssuer({ aud: live.issuer, clock: deployment.clock })
    workloads = createWorkloads(deployment)
    user = await createServiceUser(live, deployment.made.live.api_key)
    const provider = await workloads.provider({ issuer: platform.url, singleUse: true })
    const conditions = [equals('sub', 'job')]
    binding = await workloads.binding(provider, user, { conditions, scopes: ['apps:read'], tokenValidity: 600 })
  })

  const signed = (claims = {}) =>
    platform.sign({ sub: 'job', exp: Math.floor(deployment.clock.now() / 1000) + 3600, ...claims })
  const assert = (client_assertion: string, form: object = {}, at: Caller = live, headers = {}) =>
    at.form(
      '/oauth/token',
      {
        ...{ grant_type: 'client_credentials', client_id: user.client_id },
        ...{ client_assertion, client_assertion_type: ASSERTION, ...form },
      } as never,
      headers,
    )
  const errorOf = async (request: ReturnType<typeof assert>) => {
    const { status, body } = await request
    return [status, body.error]
  }

  test("client_credentials then gives what the binding does: its scopes, its lifetime, the workload's name", async () => {
    const { status, body } = await assert(await signed())
    expect([status, body.scope, body.expires_in]).toEqual([200, 'apps:read', 600])
    expect((await live.introspect(deployment.made.live, body.access_token)).body).toMatchObject({
      ...{ sub: user.client_id, act: { iss: platform.url, sub: 'job' } },
      workload: { binding_id: binding.id },
    })
    expect(await errorOf(assert(await signed(), { scope: 'apps:write' }))).toEqual([400, 'invalid_scope'])
  })

  test('with a proof the token is bound', async () => {
    const prover = await createProver(deployment.clock.now)
    const dpop = await prover.prove('POST', `${live.issuer}/oauth/token`)
    expect((await assert(await signed(), {}, live, { dpop })).body.token_type).toBe('DPoP')
  })

  test('§3.2: one that is not acceptable is invalid_client, and the check is named', async () => {
    const { status, body } = await assert(await signed({ sub: 'another' }))
    expect([status, body.error]).toEqual([401, 'invalid_client'])
    expect(body.error_description).toContain('sub equals')
  })

  test('good once, over two nodes [attack 51]', async () => {
    const token = await signed()
    const answers = await Promise.all([live, other, live, other].map((node) => assert(token, {}, node)))
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
  })

  test('RFC 7521 §4.2: client_id says which service user is meant; without it, or for another, nobody', async () => {
    expect(await errorOf(assert(await signed(), { client_id: [] }))).toEqual([401, 'invalid_client'])
    const stranger = await createServiceUser(live, deployment.made.live.api_key)
    expect(await errorOf(assert(await signed(), { client_id: stranger.client_id }))).toEqual([401, 'invalid_client'])
    const { client_id } = deployment.made.live
    expect(await errorOf(assert(await signed(), { client_id }))).toEqual([401, 'invalid_client'])
  })

  test("it doesn't authenticate anywhere else: its limits would be lost", async () => {
    const form = async () => ({
      ...{ token: 'x', client_id: user.client_id, grant_type: 'client_credentials' },
      ...{ client_assertion: await signed(), client_assertion_type: ASSERTION },
    })
    expect((await live.form('/oauth/introspect', await form())).status).toBe(401)
    expect((await live.form('/oauth/revoke', await form())).status).toBe(401)
    expect((await live.form('/oauth/par', await form())).status).toBe(401)
    const exchange = { grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange', subject_token: 'x' }
    expect(await errorOf(assert(await signed(), exchange))).toEqual([401, 'invalid_client'])
  })

  test('its tokens die with the binding', async () => {
    const { body } = await assert(await signed())
    await workloads.disableBinding(binding, user)
    for (const node of [other, live]) {
      expect((await node.introspect(deployment.made.live, body.access_token)).body).toEqual({ active: false })
      expect(await errorOf(assert(await signed(), {}, node))).toEqual([401, 'invalid_client'])
    }
  })
})
