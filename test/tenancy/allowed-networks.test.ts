import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Mode } from '../../server/mode/mode.ts'
import { describeDeployment } from '../deployments.ts'
import { createApp, createPerson, issueCode, REDIRECT_URI } from '../oauth/people.ts'
import { type Key, startDeployment, type TestDeployment } from '../start.ts'
import { createTenant, setTenantStatus, type TestTenant } from '../tenants.ts'

const INSIDE = '203.0.113.7'
const OUTSIDE = '198.51.100.9'

/** seed: knoxcall-oauth-and-api-keys (tenants requiring the highest security tier) */
describeDeployment('cluster', 'credentials of a tenant with allowed networks', (open) => {
  let deployment: TestDeployment
  let tenant: TestTenant

  beforeAll(async () => {
    deployment = await startDeployment(open, { trustProxy: true })
  })
  beforeEach(async () => {
    tenant = await createTenant(deployment)
  })

  const at = (node: 0 | 1 = 0, mode: Mode = 'live') => deployment.nodes[node].at(mode)
  const from = (ip: string) => ({ 'x-forwarded-for': ip, 'x-forwarded-host': new URL(at().issuer).host })
  const api = (ip: string, credential: string, path = '/v1/me', node: 0 | 1 = 1) =>
    at(node).api('GET', path, credential).set(from(ip))
  const token = (ip: string, key: Key, form = {}) => at(1).token(key, form, from(ip))
  const restrict = async (networks: string[] = ['203.0.113.0/24']) => {
    const body = { allowed_networks: networks }
    const answer = await at(0).api('PATCH', '/v1/tenant', tenant.keys.live.api_key, body).set(from(INSIDE))
    expect(answer.status).toBe(200)
    return answer
  }

  test('are good inside, and outside as good as wrong ones', async () => {
    const key = tenant.keys.live
    const { access_token } = (await token(OUTSIDE, key)).body
    await restrict()
    expect((await token(INSIDE, key)).status).toBe(200)
    expect((await api(INSIDE, key.api_key)).status).toBe(200)
    expect((await api(INSIDE, access_token)).status).toBe(200)
    const invented = { client_id: key.client_id, client_secret: tenant.keys.test.client_secret }
    expect((await token(OUTSIDE, key)).body).toEqual((await token(OUTSIDE, invented)).body)
    for (const credential of [key.api_key, access_token]) {
      const { status, body } = await api(OUTSIDE, credential)
      const wrong = await api(OUTSIDE, `${credential.slice(0, -8)}aaaaaaaa`)
      const { request_id: _, ...said } = wrong.body
      expect([status, body]).toEqual([wrong.status, { ...said, request_id: expect.anything() }])
    }
    const userinfo = await at(1).get('/oauth/userinfo', { authorization: `Bearer ${access_token}`, ...from(OUTSIDE) })
    expect(userinfo.body.error).toBe('invalid_api_key')
  })

  test('one that is outside doesn’t learn that the tenant is paused either', async () => {
    await restrict()
    await setTenantStatus(deployment, tenant.id, 'paused')
    expect((await token(OUTSIDE, tenant.keys.live)).body.error).toBe('invalid_client')
    expect((await api(OUTSIDE, tenant.keys.live.api_key)).body.error).toBe('invalid_api_key')
    expect((await token(INSIDE, tenant.keys.live)).body.error).toBe('subscription_inactive')
  })

  test('callers of introspection and revocation must be inside; what they ask about may come from anywhere', async () => {
    const key = tenant.keys.live
    const user = await at()
      .api('POST', '/v1/service-users', key.api_key, { name: 'u', role: 'viewer' })
      .set(from(INSIDE))
    const made = await at().api('POST', `/v1/service-users/${user.body.id}/tokens`, key.api_key, { name: 't' })
    await restrict()
    const ask = (ip: string, path: string) =>
      at(1)
        .form(path, {
          ...{ token: made.body.service_token },
          client_id: key.client_id,
          client_secret: key.client_secret,
        })
        .set(from(ip))
    expect((await ask(OUTSIDE, '/oauth/introspect')).body.error).toBe('invalid_client')
    expect((await ask(INSIDE, '/oauth/introspect')).body).toMatchObject({ active: true, token_type: 'service_token' })
    expect((await ask(OUTSIDE, '/oauth/revoke')).body.error).toBe('invalid_client')
    expect((await ask(INSIDE, '/oauth/revoke')).status).toBe(200)
  })

  test('IPv4 that comes as IPv6 is IPv4', async () => {
    await restrict()
    expect((await token(`::ffff:${INSIDE}`, tenant.keys.live)).status).toBe(200)
    expect((await token(`::ffff:${OUTSIDE}`, tenant.keys.live)).status).toBe(401)
    expect((await token('2001:db8::1', tenant.keys.live)).status).toBe(401)
  })

  describe('of people', () => {
    test('public clients and refreshes must be inside too, and so must the browser', async () => {
      const key = tenant.keys.live.api_key
      const person = await createPerson(deployment, { tenantId: tenant.id })
      const app = await createApp(at(), key)
      const code = await issueCode(deployment, person, app, { resource: at().issuer })
      const { code_verifier, redirect_uri } = code
      const redeem = (ip: string) =>
        at(1)
          .form('/oauth/token', {
            ...{ grant_type: 'authorization_code', client_id: app.client_id, code: code.code },
            ...{ code_verifier, redirect_uri },
          })
          .set(from(ip))
      await restrict()
      expect((await redeem(OUTSIDE)).body.error).toBe('invalid_client')
      const { refresh_token } = (await redeem(INSIDE)).body
      const refresh = (ip: string) =>
        at(1)
          .form('/oauth/token', { grant_type: 'refresh_token', client_id: app.client_id, refresh_token })
          .set(from(ip))
      expect((await refresh(OUTSIDE)).body.error).toBe('invalid_client')
      expect((await refresh(INSIDE)).status).toBe(200)

      const query = new URLSearchParams({
        ...{ client_id: app.client_id, response_type: 'code', redirect_uri: REDIRECT_URI, scope: 'openid' },
        ...{ code_challenge: 'A'.repeat(43), code_challenge_method: 'S256' },
      })
      const authorize = (ip: string) => at(1).get(`/oauth/authorize?${query}`, from(ip))
      expect((await authorize(INSIDE)).status).toBe(303)
      const refused = await authorize(OUTSIDE)
      expect([refused.status, refused.headers.location]).toEqual([400, undefined])
    })
  })

  test('an admin locks out others, not themselves', async () => {
    const patch = (ip: string, allowed_networks: string[]) =>
      at().api('PATCH', '/v1/tenant', tenant.keys.live.api_key, { allowed_networks }).set(from(ip))
    const { status, body } = await patch(OUTSIDE, ['203.0.113.0/24'])
    expect([status, body.fields]).toEqual([
      422,
      [{ pointer: '/allowed_networks', detail: expect.stringContaining(OUTSIDE) }],
    ])
    expect((await patch(OUTSIDE, ['198.51.100.0/24', '2001:DB8::1/32', '198.51.100.1/24'])).body).toMatchObject({
      allowed_networks: ['198.51.100.0/24', '2001:db8::/32'],
      security: { allowed_networks: [['198.51.100.0/24', '2001:db8::/32']] },
    })
    expect((await patch(OUTSIDE, [])).body).toMatchObject({ allowed_networks: [], security: { allowed_networks: [] } })
    expect((await token('192.0.2.200', tenant.keys.live)).status).toBe(200)
  })
})
