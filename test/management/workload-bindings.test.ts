import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { describeDeployment, describeDeployments } from '../deployments.ts'
import { type Caller, startDeployment } from '../start.ts'
import { expectFields, expectProblem } from './problem.ts'

const PROVIDERS = '/v1/workload-providers'
const REPOSITORY = { claim: 'repository_id', op: 'equals', value: '74' }
const MAIN = { claim: 'ref', op: 'equals', value: 'refs/heads/main' }

describeDeployments('/v1/workload-bindings', (open) => {
  test('made, got, listed, changed, disabled, deleted; and gone with its provider', async () => {
    const { nodes, made } = await startDeployment(open)
    const live = nodes[0].at('live')
    const key = made.live.api_key
    const user = (await live.api('POST', '/v1/service-users', key, { name: 'deployer', role: 'editor' })).body
    const provider = (await live.api('POST', PROVIDERS, key, { platform: 'github-actions', name: 'GitHub' })).body
    const list = `${PROVIDERS}/${provider.id}/bindings`
    const conditions = [REPOSITORY, MAIN]
    const response = await live.api('POST', list, key, { service_user_id: user.id, conditions })
    expect(response.status).toBe(201)
    const binding = response.body
    expect(binding).toEqual({
      ...{ id: expect.stringMatching(/^bind_[a-z2-7]{16}$/), provider_id: provider.id, service_user_id: user.id },
      ...{ name: null, conditions, scopes: null, token_validity: null, disabled: false, warnings: [] },
      ...{ created_at: expect.stringMatching(/Z$/), created_by: expect.any(String), updated_at: binding.created_at },
    })
    const path = `/v1/workload-bindings/${binding.id}`
    expect((await live.api('GET', path, key)).body).toEqual(binding)
    expect((await live.api('GET', list, key)).body).toEqual({ data: [binding], next_cursor: null })

    const changes = { name: 'main', scopes: ['apps:read', 'apps:read'], token_validity: 600, conditions: [REPOSITORY] }
    const changed = await live.api('PATCH', path, key, changes)
    expect(changed.body).toMatchObject({ ...changes, scopes: ['apps:read'] })
    expect(changed.body.warnings).toHaveLength(1)
    expect((await live.api('PATCH', path, key, { scopes: null, name: null })).body).toMatchObject({
      scopes: null,
      name: null,
    })
    expect((await live.api('PATCH', path, key, { disabled: true })).body.disabled).toBe(true)
    expect((await live.api('DELETE', path, key)).status).toBe(204)
    for (const method of ['GET', 'DELETE'] as const) expectProblem(await live.api(method, path, key), 404, 'not_found')

    const { body } = await live.api('GET', `/v1/audit-logs?target=${binding.id}`, key)
    expect(body.data.map(({ action }: { action: string }) => action)).toEqual([
      ...['deleted', 'disabled', 'changed', 'changed', 'created'].map((what) => `workload_binding.${what}`),
    ])

    const other = (await live.api('POST', list, key, { service_user_id: user.id, conditions })).body
    expect((await live.api('DELETE', `${PROVIDERS}/${provider.id}`, key)).status).toBe(204)
    expectProblem(await live.api('GET', `/v1/workload-bindings/${other.id}`, key), 404, 'not_found')
    expectProblem(await live.api('GET', list, key), 404, 'not_found')
  })
})

describeDeployment('database', 'what a binding may be', (open) => {
  let live: Caller
  let key: string
  let userId: string
  let github: string

  beforeAll(async () => {
    const { nodes, made } = await startDeployment(open)
    live = nodes[0].at('live')
    key = made.live.api_key
    userId = (await live.api('POST', '/v1/service-users', key, { name: 'deployer', role: 'editor' })).body.id
    github = await provider({ platform: 'github-actions' })
  })

  const provider = async (body: object): Promise<string> =>
    (await live.api('POST', PROVIDERS, key, { name: 'p', ...body })).body.id
  const bind = (body: object, to = github) =>
    live.api('POST', `${PROVIDERS}/${to}/bindings`, key, { service_user_id: userId, conditions: [REPOSITORY], ...body })

  test('nothing: all that is missing is said at once', async () => {
    expectFields(await live.api('POST', `${PROVIDERS}/${github}/bindings`, key, {}), '/service_user_id', '/conditions')
  })

  const condition = (more: object) => ({ conditions: [REPOSITORY, { ...MAIN, ...more }] })
  const WRONG: [string, object, string][] = [
    ['a service user that is none', { service_user_id: 'su_aaaaaaaaaaaa' }, '/service_user_id'],
    ['no conditions', { conditions: [] }, '/conditions'],
    ['33 conditions', { conditions: Array.from({ length: 33 }, () => REPOSITORY) }, '/conditions'],
    ['an op that is none', condition({ op: 'regex' }), '/conditions/1/op'],
    ['no claim', condition({ claim: '' }), '/conditions/1/claim'],
    ['a wrong pointer', condition({ claim: '/a~b' }), '/conditions/1/claim'],
    ['no value', condition({ value: undefined }), '/conditions/1/value'],
    ['an empty value', condition({ value: '' }), '/conditions/1/value'],
    ['null as a value', condition({ value: null }), '/conditions/1/value'],
    ['a list for equals', condition({ value: ['a'] }), '/conditions/1/value'],
    ['text for one_of', condition({ op: 'one_of', value: 'a' }), '/conditions/1/value'],
    ['an empty list', condition({ op: 'one_of', value: [] }), '/conditions/1/value'],
    ['a number as a prefix', condition({ op: 'prefix', value: 7 }), '/conditions/1/value'],
    ['a prefix that ends inside a name', condition({ op: 'prefix', value: 'refs/heads/main' }), '/conditions/1/value'],
    ['a prefix of an id', condition({ claim: 'actor_id', op: 'prefix', value: '1:' }), '/conditions/1/op'],
    ['513 characters', condition({ value: 'a'.repeat(513) }), '/conditions/1/value'],
    ['something besides', condition({ not: true }), '/conditions/1/not'],
    ['what can never hold', condition({ claim: 'event_name', value: 'pull_request_target' }), '/conditions/1/value'],
    ['a scope that no resource has', { scopes: ['apps:read', 'moon:read'] }, '/scopes/1'],
    ['no scopes', { scopes: [] }, '/scopes'],
    ['tokens for ever', { token_validity: 86_401 }, '/token_validity'],
    ['another provider', { provider_id: 'wp_x' }, '/provider_id'],
  ]
  test.each(WRONG)('%s: 422 with a pointer to it [attack 48]', async (_, body, pointer) => {
    expectFields(await bind(body), pointer)
  })

  test('a service user only: no key, and no app', async () => {
    const app = { name: 'a', type: 'confidential', redirect_uris: ['https://a.example'] }
    const { id } = (await live.api('POST', '/v1/apps', key, app)).body
    expectFields(await bind({ service_user_id: id }), '/service_user_id')
  })

  describe('on an issuer that all customers of a platform share, the owner must be pinned', () => {
    const names = [{ claim: 'repository', op: 'equals', value: 'octo/shop' }, MAIN]

    test('names are not enough: 422 that says what is [attack 49]', async () => {
      const response = await bind({ conditions: names })
      expectFields(response, '/conditions')
      expect(response.body.fields[0].detail).toMatch(/repository_id or repository_owner_id/)
    })

    test('nor is it unpinned later', async () => {
      const { id } = (await bind({})).body
      expectFields(await live.api('PATCH', `/v1/workload-bindings/${id}`, key, { conditions: names }), '/conditions')
      expect((await live.api('GET', `/v1/workload-bindings/${id}`, key)).body.conditions).toEqual([REPOSITORY])
    })

    test.each([
      [{ platform: 'gitlab' }, { claim: 'project_path', value: 'a/b' }, { claim: 'project_id', value: '20' }],
      [{ platform: 'gcp' }, { claim: 'email', value: 'a@b' }, { claim: 'sub', value: '104857600000000000000' }],
      [{ platform: 'vercel' }, { claim: 'project', value: 'web' }, { claim: 'project_id', value: 'prj_1' }],
      [{ platform: 'buildkite' }, { claim: 'build_branch', value: 'main' }, { claim: 'pipeline_id', value: 'x' }],
    ])('%j', async (body, loose, pinned) => {
      const id = await provider(body)
      expectFields(await bind({ conditions: [{ op: 'equals', ...loose }] }, id), '/conditions')
      expect((await bind({ conditions: [{ op: 'equals', ...pinned }] }, id)).status).toBe(201)
    })
  })

  describe('on an issuer of one’s own', () => {
    let own: string
    beforeEach(async () => {
      own = await provider({ platform: 'oidc', issuer: 'https://issuer.example' })
    })

    test('every op and every type of value', async () => {
      const conditions = [
        { claim: 'sub', op: 'prefix', value: 'team:blue/' },
        { claim: '/deep/claim', op: 'glob', value: 'a/*:b*' },
        { claim: 'level', op: 'one_of', value: [1, '1', true] },
        { claim: 'https://claims.example/bot', op: 'equals', value: true },
      ]
      expect((await bind({ conditions }, own)).body.conditions).toEqual(conditions)
    })

    test('RFC 8259 §6: a number that others would read as the same is none', async () => {
      for (const value of [2 ** 53, -(2 ** 53), 1e21]) {
        expectFields(await bind({ conditions: [{ claim: 'id', op: 'equals', value }] }, own), '/conditions/0/value')
      }
    })

    test('what all its tokens say says nothing', async () => {
      const conditions = [{ claim: 'aud', op: 'equals', value: 'https://auth.example' }]
      expectFields(await bind({ conditions }, own), '/conditions')
    })
  })
})
