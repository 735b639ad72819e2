import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { MODES, type Mode } from '../../server/mode/mode.ts'
import { changeTenant, type WishedTenant } from '../../server/tenancy/operate.ts'
import { describeDeployments } from '../deployments.ts'
import {
  agree,
  createApp,
  createBrowser,
  createPerson,
  type Person,
  REDIRECT_URI,
  type TestApp,
} from '../oauth/people.ts'
import { startDeployment, type TestDeployment } from '../start.ts'
import { changeOf, createTenant, type TestTenant } from '../tenants.ts'

const OPERATOR = { actor: { type: 'operator' as const, id: 'command_line', name: 'op' } }

/** seed: knoxcall-oauth-and-api-keys (subscription_inactive, plans, tenants requiring the highest security tier) */
describeDeployments('a tenant that an operator changes', (open) => {
  let deployment: TestDeployment
  let tenant: TestTenant

  beforeAll(async () => {
    deployment = await startDeployment(open)
  })
  beforeEach(async () => {
    tenant = await createTenant(deployment)
  })

  const at = (node: 0 | 1, mode: Mode = 'live') => deployment.nodes[node].at(mode)
  const operate = (wished: WishedTenant) =>
    changeOf(deployment)({ tenantId: tenant.id }, OPERATOR, (transaction) =>
      changeTenant(transaction, { tenantId: tenant.id }, wished),
    )
  const entries = (mode: Mode, action: string) =>
    deployment.storage.database.auditEntry.findMany({ where: { tenantId: tenant.id, mode, action } })

  describe('paused', () => {
    test.each(['paused', 'cancelled'] as const)(
      '%s: refused at the next request on both nodes, in both modes',
      async (status) => {
        const tokens = {} as Record<Mode, string>
        for (const mode of MODES) tokens[mode] = (await at(0, mode).token(tenant.keys[mode])).body.access_token
        await operate({ status })
        for (const node of [0, 1] as const) {
          for (const mode of MODES) {
            const key = tenant.keys[mode]
            const asked = [
              await at(node, mode).token(key),
              await at(node, mode).introspect(key, tokens[mode]),
              await at(node, mode).revoke(key, tokens[mode]),
              await at(node, mode).api('GET', '/v1/me', key.api_key),
              await at(node, mode).api('GET', '/v1/me', tokens[mode]),
            ]
            for (const { status, body } of asked) expect([status, body.error]).toEqual([403, 'subscription_inactive'])
          }
        }
        await operate({ status: 'active' })
        for (const node of [0, 1] as const) {
          for (const mode of MODES) {
            expect((await at(node, mode).introspect(tenant.keys[mode], tokens[mode])).body.active).toBe(true)
            expect((await at(node, mode).api('GET', '/v1/me', tokens[mode])).status).toBe(200)
            expect((await at(node, mode).token(tenant.keys[mode])).status).toBe(200)
          }
        }
        for (const mode of MODES) {
          const [entry, ...more] = await entries(mode, `tenant.${status}`)
          expect(more).toEqual([])
          expect(entry).toMatchObject({ actorType: 'operator', targetId: tenant.id, details: { status } })
          expect(await entries(mode, 'tenant.resumed')).toHaveLength(1)
        }
      },
    )

    test('a tenant that is paused already is told so once, and every node reads it again', async () => {
      await operate({ status: 'paused' })
      await operate({ status: 'paused' })
      expect(await entries('live', 'tenant.paused')).toHaveLength(1)
      expect((await at(1).token(tenant.keys.live)).status).toBe(403)
    })

    test('exchange and userinfo as well', async () => {
      const { access_token } = (await at(0).token(tenant.keys.live)).body
      const exchange = {
        ...{ grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange', subject_token: access_token },
        subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
      }
      expect((await at(0).token(tenant.keys.live, exchange)).status).toBe(200)
      await operate({ status: 'paused' })
      expect((await at(1).token(tenant.keys.live, exchange)).body.error).toBe('subscription_inactive')
      const userinfo = await at(1).get('/oauth/userinfo', { authorization: `Bearer ${access_token}` })
      expect(userinfo.body.error).toBe('subscription_inactive')
    })

    describe('with people', () => {
      let person: Person
      let app: TestApp
      beforeEach(async () => {
        person = await createPerson(deployment, { tenantId: tenant.id })
        app = await createApp(at(0), tenant.keys.live.api_key)
      })

      test('codes and refresh tokens wait until it is resumed', async () => {
        const agreed = await agree(createBrowser(at(0), person), app, { scope: 'openid offline_access' })
        const redeem = () =>
          at(1).form('/oauth/token', { grant_type: 'authorization_code', client_id: app.client_id, ...agreed })
        await operate({ status: 'paused' })
        expect((await redeem()).body.error).toBe('subscription_inactive')
        await operate({ status: 'active' })
        const { refresh_token } = (await redeem()).body
        const refresh = () =>
          at(1).form('/oauth/token', { grant_type: 'refresh_token', client_id: app.client_id, refresh_token })
        await operate({ status: 'paused' })
        expect((await refresh()).body.error).toBe('subscription_inactive')
        await operate({ status: 'active' })
        expect((await refresh()).status).toBe(200)
      })

      test('an authorization request gets a plain page, and so does one under way', async () => {
        const query = new URLSearchParams({
          ...{ client_id: app.client_id, response_type: 'code', redirect_uri: REDIRECT_URI, scope: 'openid' },
          ...{ code_challenge: 'A'.repeat(43), code_challenge_method: 'S256' },
        })
        const browser = createBrowser(at(0), person)
        const page = await browser.open(`/oauth/authorize?${query}`)
        expect(page.text).toContain('name="password"')
        await operate({ status: 'paused' })
        const refused = [
          await browser.submit(page, /\/password$/, { email: person.email, password: person.password }),
          await browser.open(page.path),
          await createBrowser(at(1), person).open(`/oauth/authorize?${query}`),
          await at(1).form('/oauth/par', Object.fromEntries(query)),
        ]
        for (const { status } of refused) expect(status).toBeGreaterThanOrEqual(400)
        for (const { status } of refused) expect(status).toBeLessThan(500)
        for (const { text } of refused) expect(text).not.toContain('name="password"')
        expect(refused[2]?.text).toContain('<!doctype html>')
      })
    })
  })

  test('the plan says what can be created from then on', async () => {
    const expires_at = new Date(deployment.clock.now() + 86_400_000).toISOString()
    const enterprise = { kind: 'enterprise', name: 'e', scopes: ['tokens:introspect'], expires_at }
    const make = () => at(1).api('POST', '/v1/api-keys', tenant.keys.live.api_key, enterprise)
    const before = await make()
    expect(before.status).toBe(201)
    await operate({ plan: 'standard' })
    expect((await make()).status).not.toBe(201)
    expect((await at(1).api('GET', '/v1/me', before.body.api_key)).status).toBe(200)
    await operate({ plan: 'enterprise' })
    expect((await make()).status).toBe(201)
    expect(await entries('live', 'tenant.changed')).toMatchObject([
      { details: { plan: 'standard' } },
      { details: { plan: 'enterprise' } },
    ])
  })

  test('of its security the stricter of two holds, in both modes and on both nodes', async () => {
    const key = tenant.keys.live
    const patched = await at(0).api('PATCH', '/v1/tenant', key.api_key, { max_token_validity: 1200 })
    expect(patched.body.security.max_token_validity).toBe(1200)
    await operate({ maxTokenValidity: 600, allowedNetworks: ['127.0.0.0/8'] })
    for (const mode of MODES) {
      const { body } = await at(1, mode).api('GET', '/v1/tenant', tenant.keys[mode].api_key)
      const security = { require_dpop: false, allowed_networks: [['127.0.0.0/8']], max_token_validity: 600 }
      expect(body.security).toEqual(security)
      expect((await at(1, mode).token(tenant.keys[mode])).body.expires_in).toBe(600)
    }
    expect(patched.body.max_token_validity).toBe(1200)
    await operate({ requireDpop: true })
    for (const mode of MODES) expect((await at(1, mode).token(tenant.keys[mode])).body.error).toBe('invalid_dpop_proof')
    await operate({ requireDpop: false, maxTokenValidity: null, allowedNetworks: [] })
    expect((await at(1).token(key)).body.expires_in).toBe(1200)
  })

  test('a second tenant notices nothing', async () => {
    const other = await createTenant(deployment)
    await operate({ status: 'paused', requireDpop: true, allowedNetworks: ['192.0.2.1'], maxTokenValidity: 60 })
    for (const mode of MODES) {
      expect((await at(1, mode).token(other.keys[mode])).body.expires_in).toBe(3600)
      const where = { tenantId: other.id, mode, actorType: 'operator', actorId: 'command_line' }
      expect(await deployment.storage.database.auditEntry.count({ where })).toBe(0)
    }
  })

  test('two changes at once are both made', async () => {
    await Promise.all([
      operate({ requireDpop: true }),
      operate({ maxTokenValidity: 60 }),
      operate({ plan: 'standard' }),
    ])
    const row = await deployment.storage.database.tenant.findUniqueOrThrow({ where: { id: tenant.id } })
    expect(row).toMatchObject({ requireDpop: true, maxTokenValidity: 60, plan: 'standard' })
  })
})
