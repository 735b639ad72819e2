import { beforeAll, describe, expect, test } from 'vitest'
import type { Operation } from '../../server/management/operation.ts'
import { OPERATIONS } from '../../server/management/operations.ts'
import { MODES, type Mode } from '../../server/mode/mode.ts'
import { describeDeployment } from '../deployments.ts'
import { createPerson, makePersonalToken } from '../oauth/people.ts'
import { type Caller, startDeployment, type TestDeployment } from '../start.ts'
import { createTenant, type TestTenant } from '../tenants.ts'
import { chosen } from './api-clients.ts'

const CREDENTIALS = [
  ...(['key', 'chosen scopes', 'access token', 'service token', 'enterprise key'] as const),
  ...(['personal token', 'token of an API client'] as const),
] as const
type CredentialKind = (typeof CREDENTIALS)[number]

/** What one tenant has in one mode. */
interface World {
  readonly credentials: Partial<Record<CredentialKind, string>>
  readonly ids: {
    apiKey: string
    apiClient: string
    serviceUser: string
    serviceToken: string
    resource: string
    app: string
    publicKey: string
    provider: string
    binding: string
    webhook: string
    team: string
    personalAccessToken: string
  }
  /** All that was shown once. */
  readonly shownOnce: readonly string[]
  /** Of both modes. */
  readonly people: { member: string; invitation: string }
}

const CONDITIONS = [{ claim: 'repository_id', op: 'equals', value: '74' }]

describeDeployment('cluster', 'a tenant sees nothing of another', (open) => {
  let deployment: TestDeployment
  const tenants: TestTenant[] = []
  const worlds: Record<Mode, World>[] = []

  const at = (mode: Mode): Caller => deployment.nodes[0].at(mode)

  async function furnish({ id, keys }: TestTenant, mode: Mode): Promise<World> {
    const key = keys[mode].api_key
    const shownOnce: string[] = []
    const create = async (path: string, body: object) => {
      const response = await at(mode).api('POST', path, key, body)
      expect(response.status).toBe(201)
      const { api_key, client_secret, service_token, secret } = response.body
      shownOnce.push(...[api_key, client_secret, service_token, secret].filter((each) => each && !/^pk_/.test(each)))
      return response.body
    }
    const user = await create('/v1/service-users', { name: 'robot', role: 'admin' })
    const token = await create(`/v1/service-users/${user.id}/tokens`, { name: 'one' })
    const scopes = (await at(mode).api('GET', '/v1/me', key)).body.scopes
    const narrow = await create('/v1/api-keys', { kind: 'standard', name: 'narrow', scopes })
    const enterprise = { kind: 'enterprise', name: 'E', scopes, expires_at: '2099-01-01T00:00:00Z' }
    const resource = { identifier: 'https://orders.example', name: 'Orders', scopes: ['orders:read'] }
    const redirect_uris = ['https://app.example/callback']
    const provider = await create('/v1/workload-providers', { platform: 'github-actions', name: 'GitHub' })
    const binding = { service_user_id: user.id, conditions: CONDITIONS }
    const app = await create('/v1/apps', { name: 'Shop', type: 'confidential', redirect_uris })
    const person = await createPerson(deployment, { tenantId: id })
    const invitation = { email: `${mode}@example.com`, role: 'member' }
    const personal = await makePersonalToken(deployment, person, { mode })
    const apiClient = chosen()
    const { id: apiClientId } = await create('/v1/api-clients', apiClient)
    const { body: invited } = await at('live').api('POST', '/v1/members/invitations', keys.live.api_key, invitation)
    return {
      credentials: {
        key,
        'chosen scopes': narrow.api_key,
        'access token': (await at(mode).token(keys[mode])).body.access_token,
        'service token': token.service_token,
        'personal token': personal.personal_access_token,
        'token of an API client': (await at(mode).token(apiClient)).body.access_token,
        ...(mode === 'live' && { 'enterprise key': (await create('/v1/api-keys', enterprise)).api_key }),
      },
      people: { member: person.id, invitation: invited.id },
      ids: {
        apiKey: narrow.id,
        apiClient: apiClientId,
        serviceUser: user.id,
        serviceToken: token.id,
        resource: (await create('/v1/resources', resource)).id,
        app: app.id,
        publicKey: (await create('/v1/api-keys', { kind: 'public', name: 'web', redirect_uris })).id,
        provider: provider.id,
        binding: (await create(`/v1/workload-providers/${provider.id}/bindings`, binding)).id,
        webhook: (await create('/v1/webhooks', { url: 'https://hooks.example', events: ['credential.leaked'] })).id,
        team: (await create('/v1/teams', { name: 'Theirs' })).id,
        personalAccessToken: personal.id,
      },
      shownOnce: [...shownOnce, apiClient.client_secret, personal.personal_access_token, invited.link],
    }
  }

  beforeAll(async () => {
    deployment = await startDeployment(open)
    for (const _ of ['one', 'other']) {
      const tenant = await createTenant(deployment)
      tenants.push(tenant)
      worlds.push({ live: await furnish(tenant, 'live'), test: await furnish(tenant, 'test') })
    }
    await deployment.nodes[0].node.drainEvents() // of what was minted for it
  })

  const withId = OPERATIONS.filter(({ path }) => path.includes(':id'))
  const creations = OPERATIONS.filter(({ method, path }) => method === 'POST' && !path.includes(':id'))
  const changes = OPERATIONS.filter(({ method, path }) => method === 'PATCH' && !path.includes(':id'))
  const lists = OPERATIONS.filter(({ method, path }) => method === 'GET' && !path.includes(':id'))
  const BODIES: Record<string, object> = {
    'PATCH /v1/api-keys/:id': { name: 'theirs' },
    'POST /v1/api-keys/:id/rotate': {},
    'PATCH /v1/resources/:id': { name: 'theirs' },
    'PATCH /v1/api-clients/:id': { token_validity: 60 },
    'POST /v1/api-clients/:id/duplicate': { client_id: 'theirs', client_secret: 'n0t-theirs' },
    'POST /v1/service-users/:id/tokens': { name: 'theirs' },
    'PATCH /v1/service-users/:id': { name: 'theirs' },
    'PATCH /v1/apps/:id': { name: 'theirs' },
    'POST /v1/apps/:id/rotate-secret': {},
    'PATCH /v1/workload-providers/:id': { name: 'theirs' },
    'POST /v1/workload-providers/:id/explain': { subject_token: 'theirs' },
    'POST /v1/workload-providers/:id/bindings': { service_user_id: 'su_theirs', conditions: CONDITIONS },
    'PATCH /v1/workload-bindings/:id': { name: 'theirs' },
    'PATCH /v1/members/:id': { role: 'admin' },
    'PATCH /v1/teams/:id': { name: 'theirs' },
    'PATCH /v1/webhooks/:id': { url: 'https://theirs.example' },
    'POST /v1/webhooks/:id/resend': {},
  }

  /** Of whom: another tenant's in the same mode, one's own in the other mode, another's in the other. */
  const STRANGERS = [
    { tenant: 1, otherMode: false },
    { tenant: 0, otherMode: true },
    { tenant: 1, otherMode: true },
  ]

  /** What is refused to a caller whosever it is about. */
  const refusalOf = (only: Operation['only'], mode: Mode, kind: CredentialKind): [number, string] | undefined => {
    if (only === 'people' && kind !== 'personal token') return [403, 'insufficient_scope']
    return only === 'live' && mode === 'test' ? [403, 'wrong_key_type'] : undefined
  }

  /** To use a credential is no change, and is written down when there is time. */
  const USED = ['last_used_at', 'last_used_ip', 'last_used_agent']

  const everything = async () => {
    const { database } = deployment.storage
    const [row] = await database.$queryRaw<{ all: string }[]>`
      SELECT (SELECT json_agg(c ORDER BY id)::text FROM client c) || (SELECT json_agg(to_jsonb(s) - ${USED}::text[] ORDER BY id)::text FROM secret s)
        || (SELECT json_agg(a ORDER BY client_id)::text FROM app a)
        || (SELECT json_agg(a ORDER BY id)::text FROM api_client a)
        || (SELECT json_agg(w ORDER BY id)::text FROM workload_provider w)
        || (SELECT json_agg(w ORDER BY id)::text FROM workload_binding w)
        || (SELECT json_agg(w ORDER BY id)::text FROM webhook w)
        || (SELECT json_agg(t ORDER BY id)::text FROM team t)
        || (SELECT json_agg(m ORDER BY id)::text FROM member m)
        || (SELECT json_agg(i ORDER BY id)::text FROM invitation i)
        || COALESCE((SELECT json_agg(t ORDER BY tenant_id, mode)::text FROM tenant_settings t), 'none')
        || (SELECT json_agg(a ORDER BY id)::text FROM audit_entry a)
        || (SELECT json_agg(s ORDER BY ref)::text FROM standing s) AS all`
    expect(row?.all).toBeTruthy() // one empty table would make all of it NULL, and equal
    return row?.all
  }

  describe.each(MODES)('%s', (mode) => {
    const cases = CREDENTIALS.filter((kind) => mode === 'live' || kind !== 'enterprise key')
    describe.each(cases)('by %s', (kind) => {
      const credential = () => worlds[0]?.[mode].credentials[kind] as string

      test.each(withId.map(({ method, path, only }) => ({ method, path, only })))(
        '$method $path: refused [attack 13, 15]',
        async ({ method, path, only }) => {
          const before = await everything()
          for (const { tenant, otherMode } of STRANGERS) {
            const theirs = worlds[tenant]?.[otherMode ? (mode === 'live' ? 'test' : 'live') : mode] as World
            const people = tenant === 0 ? [] : Object.values(theirs.people)
            for (const id of [...Object.values(theirs.ids), ...people]) {
              const body = BODIES[`${method} ${path}`] ?? (method === 'POST' ? {} : undefined)
              const response = await at(mode).api(method, path.replace(':id', id), credential(), body)
              const refusal = refusalOf(only, mode, kind) ?? [404, 'not_found']
              expect([path, response.status, response.body.error]).toEqual([path, ...refusal])
            }
          }
          expect(await everything()).toBe(before)
        },
      )

      test.each(lists.map(({ path }) => path))('GET %s shows only its own', async (path) => {
        const { text } = await at(mode).api('GET', path, credential())
        const foreign = worlds.flatMap((world, index) =>
          MODES.flatMap((each) => (index === 0 && each === mode ? [] : Object.values(world[each].ids))),
        )
        const people = MODES.flatMap((each) => Object.values(worlds[1]?.[each].people ?? {}))
        for (const id of [...foreign, ...people, tenants[1]?.id as string]) expect(text).not.toContain(id)
      })

      test.each(lists.map(({ path }) => path))('GET %s shows no secret [attack 16]', async (path) => {
        const { text } = await at(mode).api('GET', path, credential())
        const secrets = worlds.flatMap((world) => MODES.flatMap((each) => world[each].shownOnce))
        expect(secrets.length).toBeGreaterThan(30)
        for (const secret of secrets) expect(text).not.toContain(secret)
      })

      test.each(creations.map(({ path, only }) => ({ path, only })))(
        "POST $path never makes another's [attack 13]",
        async ({ path, only }) => {
          const [status = 422] = refusalOf(only, mode, kind) ?? []
          const foreign = { tenant_id: tenants[1]?.id, tenantId: tenants[1]?.id, mode: 'test' }
          const headers = { authorization: `Bearer ${credential()}`, 'content-type': 'application/json' }
          const before = await everything()
          const response = await at(mode).form(path, JSON.stringify(foreign), headers)
          expect(response.status).toBe(status)
          const query = await at(mode).form(`${path}?tenant_id=${foreign.tenantId}&mode=test`, '{}', {
            ...headers,
            ...{ 'x-tenant-id': String(foreign.tenantId), 'x-forwarded-host': 'sandbox.example' },
          })
          expect(query.status).toBe(status)
          expect(await everything()).toBe(before)
        },
      )

      test.each(changes.map(({ path }) => path))("PATCH %s never changes another's [attack 14]", async (path) => {
        const before = await everything()
        for (const foreign of [{ tenant_id: tenants[1]?.id }, { id: tenants[1]?.id }, { mode: 'test' }]) {
          expect((await at(mode).api('PATCH', path, credential(), foreign)).status).toBe(422)
        }
        expect(await everything()).toBe(before)
      })
    })
  })

  test('the matrix knows every kind of operation [attack 15]', () => {
    expect(withId.length + creations.length + changes.length + lists.length).toBe(OPERATIONS.length)
    for (const { method, path, body } of withId) if (body) expect(BODIES).toHaveProperty([`${method} ${path}`])
  })

  test('OAuth: neither introspected nor revoked, and not told apart from garbage [attack 15]', async () => {
    const [one, other] = tenants as [TestTenant, TestTenant]
    const live = at('live')
    for (const token of Object.values(worlds[1]?.live.credentials ?? {})) {
      expect((await live.introspect(one.keys.live, token)).body).toEqual({ active: false })
      const { status, text } = await live.revoke(one.keys.live, token)
      expect([status, text]).toEqual([200, ''])
      expect((await live.introspect(other.keys.live, token)).body.active).toBe(true)
    }
  })

  test('both may register the same resource, each with scopes of its own', async () => {
    const [one, other] = tenants as [TestTenant, TestTenant]
    const body = { identifier: 'https://shared.example', name: 'Shared' }
    for (const [tenant, scopes] of [
      [one, ['a:read']],
      [other, ['b:read']],
    ] as const) {
      const made = await at('live').api('POST', '/v1/resources', tenant.keys.live.api_key, { ...body, scopes })
      expect(made.status).toBe(201)
      const minted = await at('live').token(tenant.keys.live, { resource: body.identifier })
      expect(minted.body.scope).toBe(scopes.join())
    }
  })
})
