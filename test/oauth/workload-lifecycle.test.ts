import { beforeAll, expect, test } from 'vitest'
import { describeDeployments } from '../deployments.ts'
import { type Caller, startDeployment, type TestDeployment } from '../start.ts'
import { createIssuer, type TestIssuer } from '../workload-identity/issuer.ts'
import { createServiceUser, equals, type TestServiceUser, TOKEN_EXCHANGE, type } from './workloads.ts'

/** As an admin does it, by the management API at one node; as a job and a relying party see it at both. */
describeDeployments('workload identity from registration to its end', (open) => {
  let deployment: TestDeployment
  let live: Caller
  let other: Caller
  let apiKey: string
  let platform: TestIssuer

  beforeAll(async () => {
    deployment = await startDeployment(open, { outboundAllow: ['127.0.0.1'] })
    const [one, two] = deployment.nodes
    live = one.at('live')
    other = two.at('live')
    apiKey = deployment.made.live.api_key
    platform = await createIssuer({ aud: live.issuer, clock: deployment.clock })
  })

  async function api(method: 'POST' | 'PATCH' | 'DELETE', path: string, body?: object) {
    const answer = await live.api(method, path, apiKey, body)
    expect([200, 201, 204], JSON.stringify(answer.body)).toContain(answer.status)
    return answer.body
  }
  async function registered() {
    const user = await createServiceUser(live, apiKey)
    const provider = await api('POST', '/v1/workload-providers', { platform: 'oidc', name: 'CI', issuer: platform.url })
    const conditions = [equals('sub', 'job')]
    const wanted = { service_user_id: user.id, conditions, scopes: ['apps:read'], token_validity: 900 }
    const binding = await api('POST', `/v1/workload-providers/${provider.id}/bindings`, wanted)
    return {
      user,
      provider: `/v1/workload-providers/${provider.id}`,
      binding: `/v1/workload-bindings/${binding.id}`,
      id: provider.id,
    }
  }
  const exchange = async (user: TestServiceUser, at: Caller, claims = {}) =>
    at.form('/oauth/token', {
      ...{ grant_type: TOKEN_EXCHANGE, client_id: user.client_id, subject_token_type: type('jwt') },
      subject_token: await platform.sign({
        sub: 'job',
        exp: Math.floor(deployment.clock.now() / 1000) + 3600,
        ...claims,
      }),
    })
  const isActive = async (token: string, at: Caller) =>
    (await at.introspect(deployment.made.live, token)).body.active as boolean
  async function expectGiven(user: TestServiceUser) {
    const answers = await Promise.all([live, other].map((node) => exchange(user, node)))
    for (const { body } of answers) expect(body).toMatchObject({ scope: 'apps:read', expires_in: 900 })
    return answers.map(({ body }) => body.access_token as string)
  }
  async function expectOver(user: TestServiceUser, tokens: string[]) {
    for (const node of [other, live]) {
      for (const token of tokens) expect(await isActive(token, node)).toBe(false)
      expect((await exchange(user, node)).status).toBeGreaterThanOrEqual(400)
    }
  }

  test('registered at one node it is good at both, for what the binding says', async () => {
    const { user } = await registered()
    const tokens = await expectGiven(user)
    for (const token of tokens) expect(await isActive(token, other)).toBe(true)
  })

  test('a binding that is changed is the changed one at the next request', async () => {
    const { user, binding } = await registered()
    await expectGiven(user)
    await api('PATCH', binding, { conditions: [equals('sub', 'another job')] })
    for (const node of [other, live]) {
      expect((await exchange(user, node)).body.error).toBe('invalid_request')
      expect((await exchange(user, node, { sub: 'another job' })).status).toBe(200)
    }
  })

  test.each(['binding', 'provider'] as const)(
    'a %s that is disabled ends its tokens; enabled again it gives new ones [attack 54]',
    async (what) => {
      const it = await registered()
      const tokens = await expectGiven(it.user)
      await api('PATCH', it[what], { disabled: true })
      await expectOver(it.user, tokens)
      await api('PATCH', it[what], { disabled: false })
      await expectGiven(it.user)
      for (const token of tokens) expect(await isActive(token, other)).toBe(false)
    },
  )

  test.each(['binding', 'provider'] as const)('a %s that is deleted ends its tokens', async (what) => {
    const it = await registered()
    const tokens = await expectGiven(it.user)
    await api('DELETE', it[what])
    await expectOver(it.user, tokens)
  })

  test('explain tells what a job was not told, and uses nothing up', async () => {
    const { user, provider } = await registered()
    await api('PATCH', provider, { single_use: true })
    const subject_token = await platform.sign({ sub: 'job' })
    for (let times = 0; times < 2; times++) await api('POST', `${provider}/explain`, { subject_token })
    const given = { subject_token, subject_token_type: type('jwt'), client_id: user.client_id }
    expect((await live.form('/oauth/token', { grant_type: TOKEN_EXCHANGE, ...given })).status).toBe(200)
  })
})
