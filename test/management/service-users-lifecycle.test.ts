import { beforeAll, describe, expect, test } from 'vitest'
import { describeDeployment, describeDeployments } from '../deployments.ts'
import { TOKEN_EXCHANGE, type } from '../oauth/workloads.ts'
import { type Caller, startDeployment, type TestDeployment } from '../start.ts'
import { createTenant } from '../tenants.ts'
import { createIssuer, type TestIssuer } from '../workload-identity/issuer.ts'
import { expectFields, expectProblem } from './problem.ts'

// seed: service-tokens-of-service-users ("their lifecycle", "incident response")
describeDeployments('a service user is disabled, enabled, deleted', (open) => {
  let deployment: TestDeployment
  let live: Caller
  let there: Caller
  let admin: string
  let platform: TestIssuer

  beforeAll(async () => {
    deployment = await startDeployment(open, { outboundAllow: ['127.0.0.1'] })
    live = deployment.nodes[0].at('live')
    there = deployment.nodes[1].at('live')
    admin = deployment.made.live.api_key
    platform = await createIssuer({ aud: live.issuer, clock: deployment.clock })
  })

  const post = async (path: string, body?: object) => {
    const answer = await live.api('POST', path, admin, body)
    expect([200, 201], JSON.stringify(answer.body)).toContain(answer.status)
    return answer.body
  }

  /** One with a token, a workload, and what was minted for that. */
  async function furnished() {
    const user = await post('/v1/service-users', { name: 'robot', role: 'admin' })
    const token = await post(`/v1/service-users/${user.id}/tokens`, { name: 'one' })
    const wanted = { platform: 'oidc', name: 'CI', issuer: platform.url }
    const provider = await post('/v1/workload-providers', wanted)
    const conditions = [{ claim: 'sub', op: 'equals', value: 'job' }]
    const binding = await post(`/v1/workload-providers/${provider.id}/bindings`, {
      service_user_id: user.id,
      conditions,
    })
    return { id: user.id as string, token, binding, minted: (await exchange(user.id)).body.access_token as string }
  }
  const exchange = async (id: string, at = there) =>
    at.form('/oauth/token', {
      ...{ grant_type: TOKEN_EXCHANGE, client_id: id, subject_token_type: type('jwt') },
      subject_token: await platform.sign({ sub: 'job', exp: Math.floor(deployment.clock.now() / 1000) + 3600 }),
    })
  const isActive = async (token: string, at = there) =>
    (await at.introspect(deployment.made.live, token)).body.active as boolean

  /** What of it works, at both nodes: its service token, its workload, what was minted for that. */
  async function works({ id, token, minted }: Awaited<ReturnType<typeof furnished>>) {
    const seen = []
    for (const node of [live, there]) {
      const call = await node.api('GET', '/v1/me', token.service_token)
      expect(await isActive(token.service_token, node)).toBe(call.status === 200)
      const used = await node.api('GET', '/v1/me', minted)
      expect(await isActive(minted, node)).toBe(used.status === 200)
      seen.push([call.status, (await exchange(id, node)).status, used.status].map((status) => status === 200))
    }
    expect(seen[0]).toEqual(seen[1])
    return seen[0]
  }

  test('disabled, all of it stops at once; enabled, what authenticates it works again, and what was minted does not [attack 8, 9]', async () => {
    const it = await furnished()
    expect(await works(it)).toEqual([true, true, true])
    // What is minted for it says the same of its teams as its tokens do.
    expect((await there.introspect(deployment.made.live, it.minted)).body.teams).toEqual([])
    for (const _ of ['once', 'again']) {
      const disabled = await post(`/v1/service-users/${it.id}/disable`)
      expect(disabled).toMatchObject({ status: 'disabled', disabled_at: expect.stringMatching(/Z$/) })
      expect(await works(it)).toEqual([false, false, false])
    }
    expect((await there.api('GET', '/v1/me', it.token.service_token)).body.error).toBe('invalid_api_key')
    for (const _ of ['once', 'again']) {
      expect(await post(`/v1/service-users/${it.id}/enable`)).toMatchObject({ status: 'active', disabled_at: null })
      expect(await works(it)).toEqual([true, true, false])
    }
    const { data } = (await live.api('GET', `/v1/audit-logs?target=${it.id}`, admin)).body
    const actions = ['enabled', 'disabled', 'created'].map((what) => `service_user.${what}`)
    const told = data.map(({ action }: { action: string }) => action)
    expect(told.filter((action: string) => action.startsWith('service_user.'))).toEqual(actions)
  })

  test('a token that is restored or made meanwhile waits until its user is enabled', async () => {
    const it = await furnished()
    await post(`/v1/service-tokens/${it.token.id}/revoke`)
    await post(`/v1/service-users/${it.id}/disable`)
    await post(`/v1/service-tokens/${it.token.id}/restore`)
    const late = await post(`/v1/service-users/${it.id}/tokens`, { name: 'late' })
    for (const { service_token } of [it.token, late]) {
      expect((await there.api('GET', '/v1/me', service_token)).status).toBe(401)
    }
    await post(`/v1/service-users/${it.id}/enable`)
    for (const { service_token } of [it.token, late]) {
      expect((await there.api('GET', '/v1/me', service_token)).status).toBe(200)
    }
  })

  test('deleted, nothing of it is left but what the log says', async () => {
    const it = await furnished()
    expect(await works(it)).toEqual([true, true, true])
    expect((await live.api('DELETE', `/v1/service-users/${it.id}`, admin)).status).toBe(204)
    expect(await works(it)).toEqual([false, false, false])
    for (const path of [`/v1/service-users/${it.id}`, `/v1/workload-bindings/${it.binding.id}`]) {
      expectProblem(await there.api('GET', path, admin), 404, 'not_found')
    }
    expectProblem(await live.api('DELETE', `/v1/service-users/${it.id}`, admin), 404, 'not_found')
    expectProblem(await live.api('POST', `/v1/service-tokens/${it.token.id}/restore`, admin), 404, 'not_found')
    const path = `/v1/audit-logs?target=${it.id}&action=service_user.deleted`
    const { data } = (await live.api('GET', path, admin)).body
    expect(data[0]).toMatchObject({
      details: { name: 'robot', service_tokens: [it.token.id], workload_bindings: [it.binding.id] },
    })
  })

  test('disabled while it is used: nothing that began after the answer is let in', async () => {
    const it = await furnished()
    let done = false
    const late: number[] = []
    const load = async (node: Caller) => {
      while (!done) {
        const wasDisabled = isDisabled
        const { status } = await node.api('GET', '/v1/me', it.token.service_token)
        if (wasDisabled) late.push(status)
      }
    }
    let isDisabled = false
    const workers = [live, there, live, there].map(load)
    await post(`/v1/service-users/${it.id}/disable`)
    isDisabled = true
    while (late.length < 8) await there.api('GET', '/v1/me', admin)
    done = true
    await Promise.all(workers)
    expect(new Set(late.map((status) => status >= 400))).toEqual(new Set([true]))
  })
})

describeDeployment('database', 'service users: teams, lists and power', (open) => {
  let deployment: TestDeployment
  let live: Caller
  let admin: string

  beforeAll(async () => {
    deployment = await startDeployment(open)
    live = deployment.nodes[0].at('live')
    admin = deployment.made.live.api_key
  })

  const create = async (more: object = {}, by = admin) =>
    (await live.api('POST', '/v1/service-users', by, { name: 'robot', role: 'viewer', ...more })).body
  const team = async (name: string, by = admin): Promise<string> =>
    (await live.api('POST', '/v1/teams', by, { name })).body.id
  const tokenOf = async (id: string) =>
    (await live.api('POST', `/v1/service-users/${id}/tokens`, admin, { name: 't' })).body.service_token

  // seed: service-tokens-of-service-users ("assigned a specific role and team memberships, limiting what the automation can access")
  describe('teams', () => {
    test('it sees them itself, and so does a relying party', async () => {
      const teams = [await team('ops'), await team('billing')]
      const { id } = await create({ teams: [...teams, teams[0]] })
      const token = await tokenOf(id)
      expect((await live.api('GET', '/v1/me', token)).body.teams).toEqual(teams)
      expect((await live.introspect(deployment.made.live, token)).body).toMatchObject({ client_id: id, teams })
      await live.api('PATCH', `/v1/service-users/${id}`, admin, { teams: [teams[1]] })
      expect((await live.introspect(deployment.made.live, token)).body.teams).toEqual([teams[1]])
      await live.api('DELETE', `/v1/teams/${teams[1]}`, admin)
      expect((await live.introspect(deployment.made.live, token)).body.teams).toEqual([])
    })

    test('a key has none, and says nothing of any', async () => {
      expect((await live.api('GET', '/v1/me', admin)).body).not.toHaveProperty('teams')
      expect((await live.introspect(deployment.made.live, admin)).body).not.toHaveProperty('teams')
    })

    test('each must be there, in this tenant and mode', async () => {
      const own = await team('own')
      const stranger = (await createTenant(deployment)).keys.live.api_key
      const sandbox = deployment.nodes[0].at('test')
      const strange = [
        await team('theirs', stranger),
        (await sandbox.api('POST', '/v1/teams', deployment.made.test.api_key, { name: 'sandboxed' })).body.id,
        'team_aaaaaaaaaaaaaaaa',
        'ops',
      ]
      const { id } = await create()
      const pointers = strange.map((_, at) => `/teams/${at + 1}`)
      const body = { teams: [own, ...strange] }
      expectFields(
        await live.api('POST', '/v1/service-users', admin, { name: 'u', role: 'viewer', ...body }),
        ...pointers,
      )
      expectFields(await live.api('PATCH', `/v1/service-users/${id}`, admin, body), ...pointers)
      expect((await live.api('GET', `/v1/service-users/${id}`, admin)).body.teams).toEqual([])
    })
  })

  describe('list', () => {
    test('by search, status, role and team', async () => {
      const own = (await createTenant(deployment)).keys.live.api_key
      const ops = await team('ops', own)
      const deployer = await create({ name: 'Deployer', role: 'editor', teams: [ops] }, own)
      await create({ name: 'Reporter', description: 'weekly_report' }, own)
      const off = await create({ name: 'Old', role: 'admin', teams: [ops] }, own)
      await live.api('POST', `/v1/service-users/${off.id}/disable`, own)
      const found = async (query: string) => {
        const { body } = await live.api('GET', `/v1/service-users?${query}`, own)
        return body.data.map(({ name }: { name: string }) => name).sort()
      }
      expect(await found('search=REPO')).toEqual(['Reporter'])
      expect(await found('search=_')).toEqual(['Reporter'])
      expect(await found(`search=${deployer.id}`)).toEqual(['Deployer'])
      expect(await found('status=active')).toEqual(['Deployer', 'Reporter'])
      expect(await found('status=disabled')).toEqual(['Old'])
      expect(await found('role=viewer')).toEqual(['Reporter'])
      expect(await found(`team=${ops}`)).toEqual(['Deployer', 'Old'])
      expect(await found(`team=${ops}&status=active&limit=1`)).toEqual(['Deployer'])
      expectFields(await live.api('GET', '/v1/service-users?status=revoked', own), '?status')
    })
  })

  // seed: service-tokens-of-service-users ("Only users with the Admin role"), knock-service-tokens ("only account owners or admins")
  describe('power', () => {
    test('an editor neither makes, disables nor deletes one', async () => {
      const editor = await tokenOf((await create({ role: 'editor' })).id)
      const { id } = await create()
      const calls = [
        live.api('POST', '/v1/service-users', editor, { name: 'u', role: 'viewer' }),
        live.api('POST', `/v1/service-users/${id}/tokens`, editor, { name: 't' }),
        ...['disable', 'enable'].map((what) => live.api('POST', `/v1/service-users/${id}/${what}`, editor)),
        live.api('DELETE', `/v1/service-users/${id}`, editor),
      ]
      for (const response of await Promise.all(calls)) {
        expectProblem(response, 403, 'insufficient_scope', { scope: 'service-users:write' })
      }
    })

    test('who may less may take it out of service, and not put it back', async () => {
      const scopes = ['service-users:write', 'service-users:read']
      const weak = (await live.api('POST', '/v1/api-keys', admin, { kind: 'standard', name: 'w', scopes })).body.api_key
      const { id } = await create({ role: 'admin' })
      expect((await live.api('POST', `/v1/service-users/${id}/disable`, weak)).status).toBe(200)
      const { status, body } = await live.api('POST', `/v1/service-users/${id}/enable`, weak)
      expect([status, body.error]).toEqual([403, 'insufficient_scope'])
      expect((await live.api('GET', `/v1/service-users/${id}`, admin)).body.status).toBe('disabled')
    })

    test('an admin’s own token, disabled by it, is the last that it did', async () => {
      const { id } = await create({ role: 'admin' })
      const token = await tokenOf(id)
      expect((await live.api('POST', `/v1/service-users/${id}/disable`, token)).status).toBe(200)
      expect((await live.api('POST', `/v1/service-users/${id}/enable`, token)).status).toBe(401)
    })

    test('another tenant’s is none', async () => {
      const { id } = await create()
      const stranger = (await createTenant(deployment)).keys.live.api_key
      for (const what of ['disable', 'enable']) {
        expectProblem(await live.api('POST', `/v1/service-users/${id}/${what}`, stranger), 404, 'not_found')
      }
      expectProblem(await live.api('DELETE', `/v1/service-users/${id}`, stranger), 404, 'not_found')
      expect((await live.api('GET', `/v1/service-users/${id}`, admin)).status).toBe(200)
    })
  })
})
