import { beforeAll, describe, expect, test } from 'vitest'
import type { ServiceUserRole } from '../../server/credentials/client.ts'
import { OPERATIONS } from '../../server/management/operations.ts'
import { BUILT_IN_SCOPES, type MemberRole, scopesOfMember, scopesOfRole } from '../../server/tenancy/scopes.ts'
import { describeDeployment } from '../deployments.ts'
import { createPerson, makePersonalToken } from '../oauth/people.ts'
import { type Caller, startDeployment, type TestDeployment } from '../start.ts'
import { addApiClient, chosen, tokenFor } from './api-clients.ts'

const ORDERS = 'https://orders.example'
const OWN = ['orders:read', 'orders:write']
const JWKS = {
  keys: [{ kty: 'OKP', crv: 'Ed25519', x: 'Y29uc3RhbnQgdGhpcnR5LXR3byBieXRlcyBrZXkhISE', kid: 'k', alg: 'EdDSA' }],
}
const CONDITIONS = [{ claim: 'repository_id', op: 'equals', value: '74' }]
const THIEF = 'https://thief.example/'
const REDIRECT = { redirect_uris: [THIEF] }
/** What only full access has: all of it, later too. */
const EVERYTHING = 'everything'

type Body = Record<string, unknown> & { id?: string }

/** Something to do with an operation; `takes`: it gives nobody anything, whoever does it. */
interface Attempt {
  readonly body?: object
  readonly takes?: true
}

const TAKES: readonly Attempt[] = [{ takes: true }]
const gives = (...bodies: object[]): readonly Attempt[] => bodies.map((body) => ({ body }))
const takes = (...bodies: object[]): readonly Attempt[] => bodies.map((body) => ({ body, takes: true }))
const key = (more: object) => ({ kind: 'standard', name: 'k', ...more })
const app = (more: object) => ({ name: 'a', type: 'public', ...REDIRECT, ...more })
const SCOPES: readonly { scopes?: string[] }[] = [
  {},
  ...['orders:read', 'reports:read', 'tenant:write'].map((scope) => ({ scopes: [scope] })),
]

describeDeployment('database', 'whatever a caller makes or changes holds no more than the caller', (open) => {
  let deployment: TestDeployment
  let live: Caller
  let full: string
  let owner: Awaited<ReturnType<typeof createPerson>>

  const made = async (path: string, body: object): Promise<Body> => {
    const response = await live.api('POST', path, full, body)
    if (response.status !== 201) throw new Error(`${path}: ${response.text}`)
    return response.body
  }
  const serviceUser = (role: string) => made('/v1/service-users', { name: role, role })
  const serviceToken = async (role: string) =>
    made(`/v1/service-users/${(await serviceUser(role)).id}/tokens`, { name: 't' })
  const provider = () => made('/v1/workload-providers', { platform: 'github-actions', name: 'p' })
  const email = () => `${crypto.randomUUID()}@example.com`

  async function binding(): Promise<Body> {
    const body = { service_user_id: (await serviceUser('admin')).id, conditions: CONDITIONS }
    return made(`/v1/workload-providers/${(await provider()).id}/bindings`, body)
  }

  beforeAll(async () => {
    deployment = await startDeployment(open)
    live = deployment.nodes[0].at('live')
    full = deployment.made.live.api_key
    await made('/v1/resources', { identifier: ORDERS, name: 'Orders', scopes: OWN })
    const added = await live.api('PATCH', '/v1/resources/default', full, { scopes: ['reports:read'] })
    expect(added.status).toBe(200)
    owner = await createPerson(deployment)
  })

  /** Something strong for `:id`, by the path's first name. */
  const STRONG: Record<string, () => Promise<Body>> = {
    'api-keys': () => made('/v1/api-keys', key({})),
    'api-clients': async () => {
      const client = await addApiClient(live, full)
      await live.api('PATCH', `/v1/api-clients/${client.id}`, full, { status: 'inactive' })
      return { id: client.id }
    },
    'service-users': () => serviceUser('admin'),
    'service-tokens': async () => {
      const token = await serviceToken('admin')
      await live.api('POST', `/v1/service-tokens/${token.id}/revoke`, full)
      return token
    },
    apps: () => made('/v1/apps', { name: 'a', type: 'confidential', redirect_uris: ['https://app.example/'] }),
    resources: () =>
      made('/v1/resources', { identifier: `https://${crypto.randomUUID()}`, name: 'r', scopes: ['x:y'] }),
    'workload-providers': async () => ({ id: (await binding()).provider_id as string }),
    'workload-bindings': binding,
    members: async () => ({ id: (await createPerson(deployment)).id }),
    invitations: () => made('/v1/members/invitations', { email: email(), role: 'owner' }),
    'personal-access-tokens': async () => ({ id: (await makePersonalToken(deployment, owner)).id }),
    teams: () => made('/v1/teams', { name: crypto.randomUUID() }),
    webhooks: async () => {
      await deployment.storage.database.webhook.deleteMany() // twenty are the most
      return made('/v1/webhooks', { url: 'https://hooks.example', events: ['*'] })
    },
  }

  /** Every operation that changes something, and the most that one could want of it. */
  const ATTEMPTS: Record<string, () => readonly Attempt[] | Promise<readonly Attempt[]>> = {
    'POST /v1/api-keys': () =>
      gives(
        ...SCOPES.flatMap((more) => [key(more), key({ ...more, kind: 'public', ...REDIRECT })]),
        key({ kind: 'enterprise', scopes: [...BUILT_IN_SCOPES], expires_at: '2099-01-01T00:00:00Z' }),
      ),
    'PATCH /v1/api-keys/:id': () => [
      ...gives({ scopes: null }, { expires_at: null }, { token_validity: 86_400 }, { require_dpop: false }),
      ...takes({ name: 'n', tags: ['t'] }),
    ],
    'POST /v1/api-keys/:id/rotate': () => gives({}, { overlap_seconds: 60 }),
    'POST /v1/api-keys/:id/end-overlap': () => TAKES,
    'DELETE /v1/api-keys/:id': () => TAKES,
    'POST /v1/api-clients': () => gives(chosen(), chosen({ permission: 'read' })),
    'POST /v1/api-clients/:id/duplicate': () => {
      const { client_id, client_secret } = chosen()
      return gives({ client_id, client_secret })
    },
    'PATCH /v1/api-clients/:id': () => [
      ...gives(...[{ client_secret: 'M1ne-all-mine!' }, { client_id: `mine ${crypto.randomUUID()}` }]),
      ...gives({ status: 'active' }, { permission: 'edit' }, { token_validity: 86_400 }),
      ...takes({ permission: 'read' }, { status: 'inactive' }),
    ],
    'POST /v1/api-clients/:id/change-status': () => gives({}),
    'POST /v1/api-clients/:id/invalidate-tokens': () => TAKES,
    'POST /v1/api-clients/delete': async () => takes({ ids: [(await STRONG['api-clients']?.())?.id] }),
    'DELETE /v1/api-clients/:id': () => TAKES,
    'POST /v1/service-users': () =>
      gives(...['viewer', 'editor', 'admin'].map((role) => ({ name: 'n', role, jwks: JWKS }))),
    'PATCH /v1/service-users/:id': () => gives({ jwks: JWKS }, { role: 'admin' }, { role: 'viewer' }, { name: 'n' }),
    'POST /v1/service-users/:id/disable': () => TAKES,
    'POST /v1/service-users/:id/enable': () => gives({}),
    'POST /v1/service-users/:id/tokens': () => gives({ name: 't' }),
    'DELETE /v1/service-users/:id': () => TAKES,
    'POST /v1/service-tokens/:id/revoke': () => TAKES,
    'POST /v1/service-tokens/:id/restore': () => gives({}),
    'DELETE /v1/service-tokens/:id': () => TAKES,
    'POST /v1/apps': () => gives(...SCOPES.map(app), app({ type: 'confidential', jwks: JWKS })),
    'PATCH /v1/apps/:id': () => [
      ...gives(
        REDIRECT,
        { jwks: JWKS },
        { scopes: null, ...REDIRECT },
        { require_dpop: false },
        { require_par: false },
      ),
      ...SCOPES.map((body) => ({ body: { ...body, scopes: body.scopes ?? null } })),
    ],
    'POST /v1/apps/:id/rotate-secret': () => gives({}),
    'DELETE /v1/apps/:id': () => TAKES,
    'POST /v1/resources': () =>
      takes({ identifier: `https://${crypto.randomUUID()}`, name: 'r', scopes: [...BUILT_IN_SCOPES, ...OWN] }),
    'PATCH /v1/resources/default': () => takes({ scopes: ['mine:write', ...OWN] }),
    'PATCH /v1/resources/:id': () => takes({ scopes: [...BUILT_IN_SCOPES, ...OWN] }),
    'POST /v1/resources/:id/deprecate': () => TAKES,
    'POST /v1/resources/:id/restore': () => TAKES,
    'POST /v1/workload-providers': () => takes({ platform: 'gcp', name: 'p' }),
    'PATCH /v1/workload-providers/:id': () => [
      ...gives({ jwks: JWKS }, { jwks_uri: THIEF }, { audiences: [THIEF] }, { single_use: false }, { disabled: false }),
      ...takes({ name: 'n' }, { disabled: true }),
    ],
    'POST /v1/workload-providers/:id/explain': () => takes({ subject_token: 'x' }),
    'DELETE /v1/workload-providers/:id': () => TAKES,
    'POST /v1/workload-providers/:id/bindings': async () => {
      const users = await Promise.all(['viewer', 'editor', 'admin'].map(serviceUser))
      return gives(
        ...users.flatMap(({ id: service_user_id }) => [
          { service_user_id, conditions: CONDITIONS },
          { service_user_id, conditions: CONDITIONS, scopes: OWN },
        ]),
      )
    },
    'PATCH /v1/workload-bindings/:id': () => [
      ...gives({ conditions: [{ claim: 'repository_id', op: 'equals', value: '666' }] }, { disabled: false }),
      ...gives({ token_validity: 3600 }, { scopes: null }, { scopes: OWN }),
      ...takes({ name: 'n' }, { disabled: true }),
    ],
    'DELETE /v1/workload-bindings/:id': () => TAKES,
    'POST /v1/members/invitations': () =>
      gives(...['member', 'admin', 'owner'].map((role) => ({ email: email(), role }))),
    'DELETE /v1/members/invitations/:id': () => TAKES,
    'PATCH /v1/members/:id': () => gives({ role: 'owner' }, { role: 'admin' }, { role: 'member' }),
    'DELETE /v1/members/:id': () => TAKES,
    'POST /v1/members/:id/password-link': () => gives({}),
    'POST /v1/personal-access-tokens': () => gives({ name: 'n' }, ...SCOPES.map((more) => ({ name: 'n', ...more }))),
    'DELETE /v1/personal-access-tokens/:id': () => TAKES,
    'POST /v1/teams': () => takes({ name: crypto.randomUUID(), members: [owner.id] }),
    'PATCH /v1/teams/:id': () => takes({ members: [owner.id] }),
    'DELETE /v1/teams/:id': () => TAKES,
    'PATCH /v1/tenant': () => takes({ metadata_document_clients: false }),
    'POST /v1/webhooks': () => takes({ url: 'https://hooks.example', events: ['*'] }),
    'PATCH /v1/webhooks/:id': () => takes({ url: THIEF }),
    'DELETE /v1/webhooks/:id': () => TAKES,
    'POST /v1/webhooks/:id/rotate-secret': () => takes({}),
    'POST /v1/webhooks/:id/test': () => TAKES,
    'POST /v1/webhooks/:id/resend': () => takes({}),
  }

  interface Weak {
    readonly credential: string
    /** At the tenant's other resource. */
    readonly elsewhere: readonly string[]
  }

  /** Each may do the operation, and little else. */
  const CALLERS: Record<string, (requires: string) => Promise<Weak>> = {
    'a key with nothing else': (requires) => keyWith([requires]),
    "a key with an editor's scopes": (requires) => keyWith([...new Set([...scopesOfRole('editor'), requires])]),
    'a key with all built-in scopes': () => keyWith(BUILT_IN_SCOPES),
    'an access token with nothing else': async (requires) => ({
      credential: (await live.token(deployment.made.live, { scope: requires })).body.access_token,
      elsewhere: OWN,
    }),
    "an editor's service token": async () => ({
      credential: (await serviceToken('editor')).service_token as string,
      elsewhere: OWN,
    }),
    "an admin's service token": async () => ({
      credential: (await serviceToken('admin')).service_token as string,
      elsewhere: OWN,
    }),
    "an owner's personal access token with nothing else": async (requires) => ({
      credential: (await makePersonalToken(deployment, owner, { scopes: [requires] })).personal_access_token,
      elsewhere: [],
    }),
    "a member's personal access token": async () => ({
      credential: (await makePersonalToken(deployment, await createPerson(deployment, { role: 'member' })))
        .personal_access_token,
      elsewhere: OWN,
    }),
    'a token of an API client that reads': async () => {
      const client = await addApiClient(live, full, { permission: 'read' })
      await makeRoom(client.id)
      const credential = (await tokenFor(live, client)).body.access_token
      return { credential, elsewhere: ['orders:read'] }
    },
  }

  const keyWith = async (scopes: readonly string[]): Promise<Weak> => ({
    credential: (await made('/v1/api-keys', key({ scopes }))).api_key as string,
    elsewhere: [],
  })

  const heldBy = async (credential: string): Promise<string[]> => {
    const { body } = await live.api('GET', '/v1/me', credential)
    return body.scopes ?? []
  }
  const ofRole = (role: ServiceUserRole) => [
    ...scopesOfRole(role),
    'reports:read',
    ...OWN.slice(0, role === 'viewer' ? 1 : 2),
  ]
  const ofMember = (role: MemberRole) => [
    ...scopesOfMember(role),
    'reports:read',
    ...OWN,
    ...(role === 'owner' ? ['ownership'] : []),
  ]

  /** What whoever got this answer can do now, tried where it can be. */
  async function worth(answer: Body, sent: Body): Promise<readonly string[]> {
    const { id = '', scopes } = answer
    const secrets = [answer.api_key, answer.service_token, answer.personal_access_token] as (string | undefined)[]
    for (const secret of secrets) {
      if (secret === undefined || secret.startsWith('pk_')) continue
      const client = answer as unknown as { client_id: string; client_secret: string }
      const there = answer.api_key ? await live.token(client, { resource: ORDERS }) : undefined
      return [...(await heldBy(secret)), ...(there?.status === 200 ? there.body.scope.split(' ') : [])]
    }
    if (id.startsWith('su_')) return ofRole(answer.role as ServiceUserRole)
    if (id.startsWith('svt_')) return ofRole('admin')
    if (id.startsWith('mem_') || id.startsWith('inv_')) return ofMember((answer.role ?? 'owner') as MemberRole)
    if (id.startsWith('client_')) {
      if (answer.status === 'inactive') await makeRoom(id)
      const credential = { client_id: String(answer.client_id), client_secret: String(sent.client_secret) }
      const tokens = [await tokenFor(live, credential), await tokenFor(live, credential, { resource: ORDERS })]
      return tokens.flatMap(({ status, body }) => (status === 200 ? body.scope.split(' ') : []))
    }
    return scopes === undefined || scopes === null ? [EVERYTHING] : (scopes as string[])
  }

  async function makeRoom(id: string): Promise<void> {
    const { data } = (await live.api('GET', '/v1/api-clients?limit=100&status=active', full)).body
    for (const each of data) await live.api('PATCH', `/v1/api-clients/${each.id}`, full, { status: 'inactive' })
    await live.api('PATCH', `/v1/api-clients/${id}`, full, { status: 'active' })
  }

  const changing = OPERATIONS.filter(({ method }) => method !== 'GET')

  test('every operation that changes something is tried', () => {
    expect(Object.keys(ATTEMPTS).sort()).toEqual(changing.map(({ method, path }) => `${method} ${path}`).sort())
  })

  describe.each(Object.keys(CALLERS))('%s', (caller) => {
    test.each(changing.map(({ method, path, requires }) => ({ method, path, requires: requires ?? '' })))(
      '$method $path',
      async ({ method, path, requires }) => {
        const weak = CALLERS[caller] as (requires: string) => Promise<Weak>
        const { credential, elsewhere } = await weak(requires)
        const held = [...(await heldBy(credential)), ...elsewhere]
        const kind = path.includes('/invitations') ? 'invitations' : (path.split('/')[2] as string)
        const strong = async () => (path.includes(':id') ? ((await STRONG[kind]?.())?.id as string) : '')
        let answered = 0
        for (const { body, takes } of (await ATTEMPTS[`${method} ${path}`]?.()) ?? []) {
          const response = await live.api(method, path.replace(':id', await strong()), credential, body)
          expect([200, 201, 202, 204, 403, 404, 409, 422], response.text).toContain(response.status)
          if (response.status === 403) expect(response.body.error).toBe('insufficient_scope')
          answered++
          if (takes || response.status >= 300) continue
          const beyond = (await worth(response.body, { ...body })).filter((scope) => !held.includes(scope))
          expect({ body, beyond }).toEqual({ body, beyond: [] })
        }
        expect(answered).toBeGreaterThan(0)
      },
    )
  })
})
