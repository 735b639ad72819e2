import { beforeAll, describe, expect, test } from 'vitest'
import { OPERATIONS } from '../../server/management/operations.ts'
import { describeDeployment } from '../deployments.ts'
import { chosen } from '../management/api-clients.ts'
import { createPerson } from '../oauth/people.ts'
import { type Caller, startDeployment, type TestDeployment } from '../start.ts'
import { createTenant, type TestTenant } from '../tenants.ts'

/** What no PATCH takes, of any resource. */
const FORBIDDEN = [
  ...['permission_level', 'tenant_id', 'tenantId', 'id', 'mode', 'created_at', 'created_by', 'updated_at', 'plan'],
  ...[
    'revoked_at',
    'disabled_at',
    'all_scopes',
    'allScopes',
    'is_admin',
    'owner',
    'api_key',
    'secrets',
    'digest',
    'ref',
  ],
  ...['version', 'epoch', 'slot', 'service_user_id', 'member_id', 'constructor', 'prototype', 'toString'],
]

describeDeployment('database', 'fields that are not the caller’s to set', (open) => {
  let deployment: TestDeployment
  let live: Caller
  let tenant: TestTenant
  let key: string
  let paths: Record<string, string>

  beforeAll(async () => {
    deployment = await startDeployment(open)
    live = deployment.nodes[0].at('live')
    tenant = await createTenant(deployment)
    key = tenant.keys.live.api_key
    paths = await furnished()
  })

  async function furnished(): Promise<Record<string, string>> {
    const made = async (path: string, body: object): Promise<string> =>
      (await live.api('POST', path, key, body)).body.id
    const user = await made('/v1/service-users', { name: 'robot', role: 'viewer' })
    const provider = await made('/v1/workload-providers', { platform: 'github-actions', name: 'GitHub' })
    const conditions = [{ claim: 'repository_id', op: 'equals', value: '74' }]
    const binding = await made(`/v1/workload-providers/${provider}/bindings`, { service_user_id: user, conditions })
    const app = { name: 'Shop', type: 'public', redirect_uris: ['https://app.example/callback'] }
    const ids: Record<string, string> = {
      'service-users': user,
      'workload-providers': provider,
      'workload-bindings': binding,
      'api-keys': await made('/v1/api-keys', { kind: 'standard', name: 'one', description: 'of mine', tags: ['a'] }),
      'api-clients': await made('/v1/api-clients', chosen({ permission: 'read' })),
      resources: await made('/v1/resources', { identifier: 'https://o.example', name: 'o', scopes: ['o:read'] }),
      apps: await made('/v1/apps', app),
      webhooks: await made('/v1/webhooks', { url: 'https://hooks.example', events: ['credential.leaked'] }),
      teams: await made('/v1/teams', { name: 'Ours' }),
      members: (await createPerson(deployment, { tenantId: tenant.id, role: 'member' })).id,
    }
    const changing = OPERATIONS.filter(({ method }) => method === 'PATCH')
    return Object.fromEntries(
      changing.map(({ path }) => [path, path.replace(':id', ids[path.split('/')[2] ?? ''] ?? 'none')]),
    )
  }

  const CHANGING = OPERATIONS.filter(({ method }) => method === 'PATCH').map(({ path }) => path)
  const record = async (path: string) => {
    const { status, body } = await live.api('GET', paths[path] as string, key)
    expect([path, status]).toEqual([path, 200])
    return body
  }
  const patch = (path: string, json: string) =>
    live
      .api('PATCH', paths[path] as string, key)
      .set('content-type', 'application/json')
      .send(json)

  test.each(CHANGING)(
    'PATCH %s: refused one by one and all together, and nothing is changed [attack 14]',
    async (path) => {
      const before = await record(path)
      const values = ['"x"', '"edit"', 'true', 'null', '{}', `"${tenant.id}"`]
      // A field of these, and of nothing else.
      const own = path.endsWith('/api-clients/:id') ? [] : ['permission']
      for (const [at, field] of [...FORBIDDEN, ...own].entries()) {
        const { status, body } = await patch(path, `{"${field}":${values[at % values.length]}}`)
        const pointers = body.fields?.map(({ pointer }: { pointer: string }) => pointer)
        expect([field, status, pointers]).toEqual([field, 422, expect.arrayContaining([`/${field}`])])
      }
      const polluted = '{"__proto__":{"hasEverything":true,"permission":"edit"}}'
      expect((await patch(path, polluted)).status).toBe(422)
      expect((await patch(path, `{${FORBIDDEN.map((field) => `"${field}":"x"`)}}`)).status).toBe(422)
      expect(({} as { hasEverything?: boolean }).hasEverything).toBeUndefined()
      expect(await record(path)).toEqual(before)
    },
  )

  describe('what was not sent stays', () => {
    /** One field of each that may be set. */
    const ONE: Record<string, object> = {
      '/v1/tenant': { audit_retention_days: 77 },
      '/v1/teams/:id': { name: 'Renamed' },
      '/v1/service-users/:id': { description: 'renamed' },
      '/v1/api-keys/:id': { name: 'Renamed' },
      '/v1/workload-providers/:id': { name: 'Renamed' },
      '/v1/workload-bindings/:id': { name: 'Renamed' },
      '/v1/members/:id': { role: 'admin' },
      '/v1/resources/:id': { name: 'Renamed' },
      '/v1/resources/default': { name: 'Renamed' },
      '/v1/apps/:id': { name: 'Renamed' },
      '/v1/webhooks/:id': { description: 'renamed' },
      '/v1/api-clients/:id': { token_validity: 77 },
    }

    test.each(CHANGING)('PATCH %s of one field leaves the others [attack 14]', async (path) => {
      const before = await record(path)
      deployment.clock.advance(1000)
      const one = ONE[path] as object
      const { status, text } = await patch(path, JSON.stringify(one))
      expect([status, text]).toEqual([200, text])
      const { updated_at: _, ...after } = await record(path)
      const { updated_at: __, ...expected } = { ...before, ...one }
      expect(after).toEqual(expected)
    })
  })
})
