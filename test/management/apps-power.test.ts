import { beforeAll, describe, expect, test } from 'vitest'
import { BUILT_IN_SCOPES } from '../../server/tenancy/scopes.ts'
import { describeDeployment } from '../deployments.ts'
import { type Caller, startDeployment, type TestDeployment } from '../start.ts'
import { expectProblem } from './problem.ts'

const APP = { name: 'Shop', type: 'confidential', redirect_uris: ['https://app.example/callback'] }

describeDeployment('database', 'no app has more power than whoever makes or changes it', (open) => {
  let deployment: TestDeployment
  let live: Caller
  let full: string

  beforeAll(async () => {
    deployment = await startDeployment(open)
    live = deployment.nodes[0].at('live')
    full = deployment.made.live.api_key
  })

  const keyWith = async (scopes: string[]): Promise<string> =>
    (await live.api('POST', '/v1/api-keys', full, { kind: 'standard', name: 'k', scopes })).body.api_key
  const app = async (more: object = {}, by = full) => {
    const response = await live.api('POST', '/v1/apps', by, { ...APP, ...more })
    expect(response.status).toBe(201)
    return response.body
  }

  test('apps:read reads and apps:write writes, neither the other', async () => {
    const [reads, writes] = [await keyWith(['apps:read']), await keyWith(['apps:write'])]
    const { id } = await app({ scopes: ['apps:write'] })
    const calls = [
      ['GET', '/v1/apps', undefined, reads, writes, 'apps:read', 200],
      ['GET', `/v1/apps/${id}`, undefined, reads, writes, 'apps:read', 200],
      ['POST', '/v1/apps', APP, writes, reads, 'apps:write', 201],
      ['PATCH', `/v1/apps/${id}`, { name: 'n' }, writes, reads, 'apps:write', 200],
      ['POST', `/v1/apps/${id}/rotate-secret`, {}, writes, reads, 'apps:write', 200],
      ['DELETE', `/v1/apps/${id}`, undefined, writes, reads, 'apps:write', 204],
    ] as const
    for (const [method, path, body, may, mayNot, scope, status] of calls) {
      expectProblem(await live.api(method, path, mayNot, body), 403, 'insufficient_scope', { scope })
      expect([method, path, (await live.api(method, path, may, body)).status]).toEqual([method, path, status])
    }
  })

  test('without scopes it gets its maker’s, never full access', async () => {
    const scopes = ['apps:read', 'apps:write']
    expect((await app({}, await keyWith(scopes))).scopes.sort()).toEqual(scopes)
    const token = (await live.token(deployment.made.live)).body.access_token
    expect((await app({}, token)).scopes.sort()).toEqual([...BUILT_IN_SCOPES].sort())
    expect((await app()).scopes).toBeNull()
  })

  test('beyond the maker’s: refused, naming what was beyond', async () => {
    const response = await live.api('POST', '/v1/apps', await keyWith(['apps:write']), {
      ...{ ...APP, scopes: ['apps:write', 'tenant:write'] },
    })
    expectProblem(response, 403, 'insufficient_scope', { scope: 'tenant:write' })
  })

  describe('who could make a stronger app theirs', () => {
    const TAKEOVERS: [string, 'PATCH' | 'POST', string, object][] = [
      ['a redirect URI', 'PATCH', '', { redirect_uris: ['https://thief.example/'] }],
      [
        'a redirect URI while narrowing it',
        'PATCH',
        '',
        { scopes: ['apps:write'], redirect_uris: ['https://t.example/'] },
      ],
      ['its keys', 'PATCH', '', { jwks: null }],
      ['its demands', 'PATCH', '', { require_dpop: false, require_par: false }],
      ['its secret', 'POST', '/rotate-secret', {}],
    ]
    test.each(TAKEOVERS)('%s: refused', async (_, method, below, body) => {
      const weak = await keyWith(['apps:write', 'apps:read'])
      const stronger = await app({ scopes: ['apps:write', 'tenant:write'] })
      const refused = await live.api(method, `/v1/apps/${stronger.id}${below}`, weak, body)
      expectProblem(refused, 403, 'insufficient_scope', { scope: 'tenant:write' })
      const unlimited = await app()
      const token = (await live.token(deployment.made.live)).body.access_token
      for (const by of [weak, token]) {
        const response = await live.api(method, `/v1/apps/${unlimited.id}${below}`, by, body)
        expectProblem(response, 403, 'insufficient_scope')
      }
      expect((await live.introspect(stronger, 'x')).status).toBe(200)
    })

    test('narrowing it takes power only, and is theirs to do', async () => {
      const token = (await live.token(deployment.made.live)).body.access_token
      for (const by of [await keyWith(['apps:write']), token]) {
        const { id } = await app()
        const { status, body } = await live.api('PATCH', `/v1/apps/${id}`, by, { scopes: ['apps:write'] })
        expect([status, body.scopes]).toEqual([200, ['apps:write']])
      }
    })

    test('its end takes power only, and is theirs to bring', async () => {
      const { id } = await app()
      expect((await live.api('DELETE', `/v1/apps/${id}`, await keyWith(['apps:write']))).status).toBe(204)
    })
  })

  test('a change gives no more than the changer has', async () => {
    const weak = await keyWith(['apps:write'])
    const { id } = await app({ scopes: ['apps:write'] })
    const wider = await live.api('PATCH', `/v1/apps/${id}`, weak, { scopes: ['apps:write', 'apps:read'] })
    expectProblem(wider, 403, 'insufficient_scope', { scope: 'apps:read' })
    expect((await live.api('PATCH', `/v1/apps/${id}`, weak, { scopes: null })).body.scopes).toEqual(['apps:write'])
    expect((await live.api('PATCH', `/v1/apps/${id}`, full, { scopes: null })).body.scopes).toBeNull()
  })

  test('an app’s own secret opens nothing of the management API', async () => {
    const { client_secret } = await app()
    expectProblem(await live.api('GET', '/v1/me', client_secret), 401, 'invalid_api_key')
  })
})
