import { beforeAll, describe, expect, test } from 'vitest'
import { AUDITED_REJECTIONS } from '../../server/oauth/token-audit.ts'
import { describeDeployments } from '../deployments.ts'
import { type Caller, startDeployment, type TestDeployment } from '../start.ts'
import { setTenantStatus } from '../tenants.ts'
import { createIssuer, type TestIssuer } from '../workload-identity/issuer.ts'
import { createProver } from './prover.ts'
import {
  createServiceUser,
  createWorkloads,
  equals,
  type TestBinding,
  type TestProvider,
  type TestServiceUser,
  TOKEN_EXCHANGE,
  type,
  type Workloads,
} from './workloads.ts'

const SUB = 'repo:acme/site:ref:refs/heads/main'
const API = 'https://api.acme.example'

describeDeployments('token exchange (RFC 8693)', (open) => {
  let deployment: TestDeployment
  let live: Caller
  let other: Caller
  let apiKey: string
  let platform: TestIssuer
  let workloads: Workloads
  let user: TestServiceUser
  let provider: TestProvider
  let binding: TestBinding

  beforeAll(async () => {
    deployment = await startDeployment(open, { outboundAllow: ['127.0.0.1'] })
    const [one, two] = deployment.nodes
    live = one.at('live')
    other = two.at('live')
    apiKey = deployment.made.live.api_key
    platform = await createIssuer({ aud: live.issuer, clock: deployment.clock })
    workloads = createWorkloads(deployment)
    const resource = { identifier: API, name: 'API', scopes: ['sites:deploy', 'sites:read'] }
    expect((await live.api('POST', '/v1/resources', apiKey, resource)).status).toBe(201)
    user = await createServiceUser(live, apiKey)
    provider = await workloads.provider({ issuer: platform.url })
    binding = await workloads.binding(provider, user, {
      conditions: [equals('sub', SUB), equals('repository_id', '74')],
    })
  })

  const signed = (claims = {}, header = {}) => platform.sign({ sub: SUB, repository_id: '74', ...claims }, header)
  const exchange = (subject_token: string, form: object = {}, at: Caller = live, headers = {}) =>
    at.form(
      '/oauth/token',
      {
        ...{ grant_type: TOKEN_EXCHANGE, client_id: user.client_id },
        ...{ subject_token, subject_token_type: type('jwt'), ...form },
      } as never,
      headers,
    )
  const introspect = async (token: string, at: Caller = live) => (await at.introspect(deployment.made.live, token)).body
  const rejections = async () => {
    const { body } = await live.api('GET', '/v1/audit-logs?action=token.rejected&limit=100', apiKey)
    return body.data as { details: never; actor: { id: string } }[]
  }
  /** A service user of one's own, so that nothing of it is anyone else's. */
  async function own(conditions = [equals('sub', SUB)], more: object = {}) {
    const mine = await createServiceUser(live, apiKey)
    const bound = await workloads.binding(provider, mine, { conditions, ...more })
    return { mine, bound, as: { client_id: mine.client_id } }
  }

  describe('the answer', () => {
    test('§2.2.1: an access token, and what it is', async () => {
      const { status, body, headers } = await exchange(await signed())
      expect(status).toBe(200)
      expect(body).toMatchObject({ issued_token_type: type('access_token'), token_type: 'Bearer' })
      expect(body).not.toHaveProperty('refresh_token')
      expect(body.access_token).toMatch(/^kc_live_/)
      expect(headers['cache-control']).toBe('no-store')
    })

    test('§4.1: introspection names the service user, and who acts as it', async () => {
      const { body } = await exchange(await signed(), { subject_token_type: type('id_token'), scope: 'apps:read' })
      expect(await introspect(body.access_token)).toMatchObject({
        ...{ active: true, client_id: user.client_id, sub: user.client_id, scope: 'apps:read' },
        act: { iss: platform.url, sub: SUB },
        workload: {
          ...{ iss: platform.url, sub: SUB, claims: { sub: SUB, repository_id: '74' } },
          ...{ provider_id: provider.id, binding_id: binding.id },
        },
      })
    })

    test('it is good at the management API, for what the service user may do', async () => {
      const { body } = await exchange(await signed())
      expect((await live.api('GET', '/v1/apps', body.access_token)).status).toBe(200)
      expect((await live.api('GET', '/v1/me', body.access_token)).body.scopes).not.toContain('api-keys:write')
    })

    test('RFC 9449 §5: with a proof the token is bound', async () => {
      const prover = await createProver(deployment.clock.now)
      const dpop = await prover.prove('POST', `${live.issuer}/oauth/token`)
      const { body } = await exchange(await signed(), {}, live, { dpop })
      expect(body.token_type).toBe('DPoP')
      expect(await introspect(body.access_token)).toMatchObject({ cnf: { jkt: prover.jkt } })
    })

    test('lives as long as the least of binding, the token of its platform and one hour', async () => {
      const short = await own(undefined, { tokenValidity: 300 })
      const long = await own(undefined, { tokenValidity: 86_400 })
      const seconds = Math.floor(deployment.clock.now() / 1000)
      const lasting = () => signed({ exp: seconds + 3600 })
      expect((await exchange(await lasting(), short.as)).body.expires_in).toBe(300)
      expect((await exchange(await lasting(), long.as)).body.expires_in).toBe(3600)
      expect((await exchange(await signed({ exp: seconds + 120 }), long.as)).body.expires_in).toBe(120)
    })
  })

  describe('the request (§2.1)', () => {
    test.each([
      ['no subject_token', 'subject_token'],
      ['no subject_token_type', 'subject_token_type'],
    ])('%s: invalid_request, never as the caller [attack 55]', async (_, name) => {
      const form = { grant_type: TOKEN_EXCHANGE, subject_token: await signed(), subject_token_type: type('jwt') }
      for (const value of [[], ['']]) {
        const missing = { ...form, client_id: user.client_id, [name]: value }
        const { status, body } = await live.form('/oauth/token', missing)
        expect([status, body.error]).toEqual([400, 'invalid_request'])
        const authenticated = await live.token(deployment.made.live, { ...form, [name]: value })
        expect([authenticated.status, authenticated.body.error]).toEqual([400, 'invalid_request'])
      }
    })

    test('RFC 6749 §3.2: a parameter that comes twice [attack 55]', async () => {
      const token = await signed()
      for (const name of ['subject_token', 'subject_token_type', 'requested_token_type', 'client_id', 'scope']) {
        const twice = await exchange(token, { [name]: [token, token] })
        expect([name, twice.status, twice.body.error]).toEqual([name, 400, 'invalid_request'])
      }
    })

    test.each([
      ['a SAML assertion', { subject_token_type: type('saml2') }],
      ['a refresh token as the subject', { subject_token_type: type('refresh_token') }],
      ['content that is not of its type', { subject_token_type: type('access_token') }],
      ['a refresh token wanted', { requested_token_type: type('refresh_token') }],
      ['an ID token wanted', { requested_token_type: type('id_token') }],
      ['actor_token without its type', { actor_token: 'x' }],
      ['actor_token_type without a token', { actor_token_type: type('access_token') }],
      ['an actor beside a platform', { actor_token: 'x', actor_token_type: type('access_token') }],
    ])('%s: invalid_request [attack 55, 57, 58]', async (_, form) => {
      const { status, body } = await exchange(await signed(), form)
      expect([status, body.error]).toEqual([400, 'invalid_request'])
    })

    test('resource and audience name one resource; several are too many', async () => {
      for (const name of ['resource', 'audience']) {
        const { body } = await exchange(await signed(), { [name]: API })
        expect(body.scope).toBe('sites:deploy sites:read')
        expect(await introspect(body.access_token)).toMatchObject({ aud: API })
      }
      expect((await exchange(await signed(), { resource: API, audience: API })).status).toBe(200)
      const wrong = [
        { resource: API, audience: live.issuer },
        { audience: [API, live.issuer] },
        { resource: 'https://elsewhere.example' },
        { audience: 'not a resource' },
      ]
      for (const form of wrong) {
        const { status, body } = await exchange(await signed(), form)
        expect([status, body.error]).toEqual([400, 'invalid_target'])
      }
    })

    test('scope: no more than binding, service user and request have in common', async () => {
      const { as } = await own(undefined, { scopes: ['apps:read', 'api-keys:write', 'sites:read'] })
      expect((await exchange(await signed(), as)).body.scope).toBe('apps:read')
      expect((await exchange(await signed(), { ...as, resource: API })).body.scope).toBe('sites:read')
      for (const scope of ['api-keys:write', 'apps:write', 'apps:read sites:read', 'made:up']) {
        const { status, body } = await exchange(await signed(), { ...as, scope })
        expect([scope, status, body.error]).toEqual([scope, 400, 'invalid_scope'])
      }
    })

    test('a service user that says its name only gets nothing in any other way', async () => {
      const { client_id } = user
      const plain = await live.form('/oauth/token', { grant_type: 'client_credentials', client_id })
      expect([plain.status, plain.body.error]).toEqual([401, 'invalid_client'])
      const form = { token: 'x', client_id, grant_type: TOKEN_EXCHANGE }
      expect((await live.form('/oauth/introspect', form)).status).toBe(401)
      expect((await live.form('/oauth/revoke', form)).status).toBe(401)
    })

    test('the sandbox knows nothing of it', async () => {
      const { status, body } = await exchange(await signed(), {}, deployment.nodes[0].at('test'))
      expect([status, body.error]).toEqual([401, 'invalid_client'])
    })

    test('where a proof must come, one without is refused and uses nothing up', async () => {
      const once = await workloads.provider({ issuer: platform.url, singleUse: true })
      const mine = await createServiceUser(live, apiKey)
      await workloads.binding(once, mine, { conditions: [equals('sub', SUB)] })
      await workloads.requireDpop(mine)
      const as = { client_id: mine.client_id }
      const token = await signed()
      expect((await exchange(token, as)).body.error).toBe('invalid_dpop_proof')
      const prover = await createProver(deployment.clock.now)
      const dpop = await prover.prove('POST', `${live.issuer}/oauth/token`)
      expect((await exchange(token, as, live, { dpop })).body.token_type).toBe('DPoP')
    })

    test('other clients have no workload identities', async () => {
      const form = { grant_type: TOKEN_EXCHANGE, subject_token: await signed(), subject_token_type: type('jwt') }
      const key = await live.token(deployment.made.live, form)
      expect([key.status, key.body.error]).toEqual([400, 'unauthorized_client'])
      const { client_id } = deployment.made.live
      expect((await live.form('/oauth/token', { ...form, client_id })).body.error).toBe('invalid_client')
      expect((await exchange(await signed(), { client_id: 'su_aaaaaaaaaaaa' })).body.error).toBe('invalid_client')
    })
  })

  describe('a subject token that is refused (§2.2.2)', () => {
    const refusal = async (token: string, form: object = {}) => {
      const { status, body } = await exchange(token, form)
      expect([status, body.error]).toEqual([400, 'invalid_request'])
      return body.error_description as string
    }
    const now = () => Math.floor(deployment.clock.now() / 1000)

    test.each<[string, string, () => object]>([
      ['for somebody else', 'audience', () => ({ aud: 'https://other.example' })],
      ['for us among others', 'audience', () => ({ aud: [live.issuer, 'https://other.example'] })],
      ['expired', 'expired', () => ({ iat: now() - 400, exp: now() - 100 })],
      ['not yet valid', 'not_yet_valid', () => ({ nbf: now() + 100 })],
      ['without an end', 'missing_claim', () => ({ exp: undefined })],
      ['good for years', 'lifetime', () => ({ exp: now() + 10 ** 8 })],
      ['another subject', 'sub equals', () => ({ sub: `${SUB}-x` })],
      ['a repository of the same name', 'repository_id equals', () => ({ repository_id: '75' })],
      ['a number where a string belongs', 'repository_id equals', () => ({ repository_id: 74 })],
      ['a list where a string belongs', 'repository_id equals', () => ({ repository_id: ['74'] })],
    ])('%s: the check is named, what was expected is not [attack 44, 45, 49]', async (_, check, claims) => {
      const description = await refusal(await signed(claims()))
      expect(description).toContain(check)
      for (const secret of [SUB, '74', live.issuer]) expect(description).not.toContain(secret)
    })

    test('signed by another key under the same kid; of another issuer; not a JWT [attack 46, 47]', async () => {
      const impostor = await createIssuer({ aud: live.issuer, clock: deployment.clock })
      const { kid = '' } = platform.jwks.keys[0] ?? {}
      const claims = { iss: platform.url, sub: SUB, repository_id: '74' }
      expect(await refusal(await impostor.sign(claims, { kid }))).toContain('signature')
      expect(await refusal(await impostor.sign({ sub: SUB }))).toContain('issuer')
      expect(impostor.requests).toEqual({ discovery: 0, jwks: 0 })
      for (const garbage of ['x', 'a.b.c', `${await signed()}.x`, '{}']) {
        expect(await refusal(garbage)).toContain('malformed')
      }
    })

    test.each(['alg', 'kid', 'typ'])('a number beyond all numbers as its %s', async (name) => {
      const header = JSON.stringify({ alg: 'RS256', kid: 'a', [name]: 0 }).replace(':0', ':1e999')
      const segments = [header, JSON.stringify({ iss: platform.url })].map((json) =>
        Buffer.from(json).toString('base64url'),
      )
      const { status, body } = await exchange([...segments, 'c2ln'].join('.'))
      expect([status, body.error]).toEqual([400, 'invalid_request'])
    })

    test('our own tokens, as a platform would send one [attack 56]', async () => {
      const { body } = await exchange(await signed())
      expect(await refusal(body.access_token)).toContain('malformed')
      expect(await refusal(apiKey)).toContain('malformed')
    })

    test('one that is good for another service user: only the bindings of the named one count', async () => {
      const mine = await createServiceUser(live, apiKey)
      expect(await refusal(await signed(), { client_id: mine.client_id })).toContain('issuer')
    })

    test('a GitHub pull request from a fork (the preset denies it), whatever the binding says of the rest [attack 50]', async () => {
      const github = await workloads.provider({ issuer: platform.url, platform: 'github-actions' })
      const mine = await createServiceUser(live, apiKey)
      await workloads.binding(github, mine, { conditions: [equals('repository_id', '74')] })
      const as = { client_id: mine.client_id }
      for (const event_name of ['pull_request', 'pull_request_target']) {
        expect(await refusal(await signed({ event_name }), as)).toContain('event_name denied')
      }
      expect((await exchange(await signed({ event_name: 'push' }), as)).status).toBe(200)
    })

    test("the issuer's keys can't be had: 503, and when to come back [attack 53]", async () => {
      const away = await createIssuer({ aud: live.issuer, clock: deployment.clock })
      const away_ = await workloads.provider({ issuer: away.url })
      const mine = await createServiceUser(live, apiKey)
      await workloads.binding(away_, mine, { conditions: [equals('sub', SUB)] })
      away.misbehave('error')
      const { status, body, headers } = await exchange(await away.sign({ sub: SUB }), { client_id: mine.client_id })
      expect([status, body.error]).toEqual([503, 'temporarily_unavailable'])
      expect(Number(headers['retry-after'])).toBeGreaterThan(0)
    })
  })

  test('of several bindings the first decides that matches and covers what is asked', async () => {
    const { mine, as } = await own([equals('sub', 'nobody')], { scopes: ['apps:read', 'apps:write'] })
    deployment.clock.advance(1)
    const reader = await workloads.binding(provider, mine, { conditions: [equals('sub', SUB)], scopes: ['apps:read'] })
    deployment.clock.advance(1)
    const writer = await workloads.binding(provider, mine, { conditions: [equals('sub', SUB)], scopes: ['apps:write'] })
    const decided = async (form: object) => {
      const { body } = await exchange(await signed(), { ...as, ...form })
      return (await introspect(body.access_token)).workload.binding_id
    }
    expect(await decided({})).toBe(reader.id)
    expect(await decided({ scope: 'apps:read' })).toBe(reader.id)
    expect(await decided({ scope: 'apps:write' })).toBe(writer.id)
    const both = await exchange(await signed(), { ...as, scope: 'apps:read apps:write' })
    expect(both.body.error).toBe('invalid_scope')
  })

  describe('single use', () => {
    let as: { client_id: string }
    beforeAll(async () => {
      const once = await workloads.provider({ issuer: platform.url, singleUse: true })
      const mine = await createServiceUser(live, apiKey)
      await workloads.binding(once, mine, { conditions: [equals('sub', SUB)], scopes: ['apps:read'] })
      as = { client_id: mine.client_id }
    })

    test('a second use is refused, on any node [attack 51]', async () => {
      const token = await signed()
      expect((await exchange(token, as)).status).toBe(200)
      for (const node of [live, other]) {
        expect((await exchange(token, as, node)).body.error_description).toContain('replayed')
      }
    })

    test('of many at once, over two nodes, one wins [attack 51]', async () => {
      const token = await signed()
      const answers = await Promise.all(
        Array.from({ length: 12 }, (_, at) => exchange(token, as, at % 2 ? live : other)),
      )
      expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
    })

    test('a request that is refused for something else leaves it unused', async () => {
      const token = await signed()
      expect((await exchange(token, { ...as, scope: 'apps:write' })).body.error).toBe('invalid_scope')
      expect((await exchange(token, { ...as, resource: 'https://x.example' })).body.error).toBe('invalid_target')
      expect((await exchange(token, { ...as, requested_token_type: 'x' })).body.error).toBe('invalid_request')
      expect((await exchange(token, as)).status).toBe(200)
    })
  })

  describe('what ends, ends at the next request on every node', () => {
    async function minted() {
      const prepared = await own()
      const { body } = await exchange(await signed(), prepared.as)
      for (const node of [live, other]) expect((await introspect(body.access_token, node)).active).toBe(true)
      return { ...prepared, token: body.access_token as string }
    }
    async function expectDead({ token, as }: Awaited<ReturnType<typeof minted>>, error: string) {
      for (const node of [other, live]) {
        expect(await introspect(token, node)).toEqual({ active: false })
        expect((await node.api('GET', '/v1/me', token)).status).toBe(401)
        expect((await exchange(await signed(), as, node)).body.error).toBe(error)
      }
    }

    test('a binding that is disabled [attack 54]', async () => {
      const it = await minted()
      await workloads.disableBinding(it.bound, it.mine)
      await expectDead(it, 'invalid_request')
    })

    test('a provider that is disabled [attack 54]', async () => {
      const issuer = await createIssuer({ aud: live.issuer, clock: deployment.clock })
      const alone = await workloads.provider({ issuer: issuer.url })
      const mine = await createServiceUser(live, apiKey)
      const bound = await workloads.binding(alone, mine, { conditions: [equals('sub', SUB)] })
      const as = { client_id: mine.client_id }
      const { body } = await exchange(await issuer.sign({ sub: SUB }), as)
      await workloads.disableProvider(alone, mine, [bound])
      for (const node of [other, live]) {
        expect(await introspect(body.access_token, node)).toEqual({ active: false })
        const again = await exchange(await issuer.sign({ sub: SUB }), as, node)
        expect(again.body.error_description).toContain('disabled')
      }
    })

    test('a service user that is revoked [attack 54]', async () => {
      const it = await minted()
      await workloads.endServiceUser(it.mine)
      await expectDead(it, 'invalid_client')
    })

    test('a token that the job itself revokes, by the name of the service user; nobody else does (RFC 7009 §2.1)', async () => {
      const it = await minted()
      const stranger = await createServiceUser(live, apiKey)
      await other.form('/oauth/revoke', { token: it.token, client_id: stranger.client_id })
      expect((await introspect(it.token)).active).toBe(true)
      expect((await other.form('/oauth/revoke', { token: it.token, ...it.as })).status).toBe(200)
      expect(await introspect(it.token)).toEqual({ active: false })
      expect((await live.form('/oauth/revoke', { token: apiKey, ...it.as })).status).toBe(401)
    })

    test('a tenant that is paused [attack 54]', async () => {
      const it = await minted()
      await setTenantStatus(deployment, provider.tenantId, 'paused')
      expect((await exchange(await signed(), it.as, other)).body.error).toBe('subscription_inactive')
      await setTenantStatus(deployment, provider.tenantId, 'active')
    })
  })

  describe('the audit log', () => {
    test('says who exchanged what, and never the token', async () => {
      const { mine, bound, as } = await own()
      const token = await signed()
      const { body: answer } = await exchange(token, { ...as, scope: 'apps:read' })
      const { body } = await live.api('GET', '/v1/audit-logs?action=token.exchanged&limit=1', apiKey)
      const [entry] = body.data
      expect(entry).toMatchObject({
        actor: { type: 'service_user', id: mine.id },
        target: { type: 'access_token', id: (await introspect(answer.access_token)).jti },
        details: {
          provider_id: provider.id,
          binding_id: bound.id,
          issuer: platform.url,
          subject: SUB,
          scope: 'apps:read',
        },
      })
      expect(JSON.stringify(body)).not.toContain(token.split('.')[2])
    })

    test('has for each binding and condition what was expected and what came', async () => {
      const { mine, bound, as } = await own([equals('sub', SUB), equals('environment', 'production')])
      await exchange(await signed({ environment: 'staging' }), as)
      const [entry] = (await rejections()).filter(({ actor }) => actor.id === mine.id)
      expect(entry?.details).toMatchObject({
        failed: 'conditions',
        bindings: [
          {
            ...{ binding_id: bound.id, provider_id: provider.id },
            checks: [
              { check: 'sub equals', held: true, expected: SUB, got: SUB },
              { check: 'environment equals', held: false, expected: 'production', got: 'staging' },
            ],
          },
        ],
      })
    })

    test('keeps whatever a claim holds, within bounds', async () => {
      const { mine, as } = await own([equals('odd', 'x')])
      const odd = ['\u0000', '\ud800', 'x'.repeat(5_000), { deep: [[['\u0000']]] }, Array(500).fill('y')]
      for (const value of odd) expect((await exchange(await signed({ odd: value }), as)).status).toBe(400)
      const entries = (await rejections()).filter(({ actor }) => actor.id === mine.id)
      expect(entries).toHaveLength(odd.length)
      for (const entry of entries) expect(JSON.stringify(entry).length).toBeLessThan(2_000)
    })

    test('is not filled by a flood', async () => {
      const { mine, as } = await own()
      const { ofNetwork } = AUDITED_REJECTIONS
      for (let sent = 0; sent < ofNetwork + 5; sent++) await exchange('x', as)
      const entries = (await rejections()).filter(({ actor }) => actor.id === mine.id)
      expect(entries).toHaveLength(ofNetwork)
      expect((await exchange(await signed(), as)).status).toBe(200)
    })
  })
})
