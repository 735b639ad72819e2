import { randomBytes } from 'node:crypto'
import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { FAILURES_PER_MINUTE } from '../../server/credentials/failure-limit.ts'
import { newAccessToken, newRefreshToken, newStandardKey } from '../../server/credentials/format.ts'
import { MODES, type Mode } from '../../server/mode/mode.ts'
import { describeDeployment, describeDeployments } from '../deployments.ts'
import { startDeployment, type TestDeployment } from '../start.ts'
import { createTenant, setTenantStatus, type TestTenant } from '../tenants.ts'
import { createApp, createPerson, issueCode } from './people.ts'

describeDeployments('POST /oauth/leaked', (open) => {
  let deployment: TestDeployment
  let tenant: TestTenant

  beforeAll(async () => {
    deployment = await startDeployment(open)
  })
  beforeEach(async () => {
    tenant = await createTenant(deployment)
  })

  const at = (node: 0 | 1 = 0, mode: Mode = 'live') => deployment.nodes[node].at(mode)
  const admin = (method: 'POST' | 'GET' | 'PATCH', path: string, body?: object) =>
    at().api(method, path, tenant.keys.live.api_key, body)
  const report = (form: Record<string, string>, node: 0 | 1 = 0, mode: Mode = 'live') =>
    at(node, mode).form('/oauth/leaked', form)
  const leakedEntries = (mode: Mode = 'live') =>
    deployment.storage.database.auditEntry.findMany({
      where: { tenantId: tenant.id, mode, action: 'credential.leaked' },
      orderBy: { seq: 'asc' },
    })
  /** Kills it, on the other node than the one that is asked then; a second time there is nothing to kill. */
  const kill = async (form: Record<string, string>) => {
    const { status, body, headers } = await report(form)
    expect([status, body, headers['cache-control']]).toEqual([200, { revoked: true }, 'no-store'])
    expect((await report(form, 1)).body).toEqual({ revoked: false })
    const entries = await leakedEntries()
    expect(entries).toHaveLength(1)
    expect(entries[0]).toMatchObject({ actorType: 'anonymous', details: { reported_by: 'possession' } })
    expect(entries[0]?.ip).toMatch(/127\.0\.0\.1$/)
    expect(JSON.stringify(entries)).not.toContain((form.token ?? form.client_secret)?.slice(-20))
    return entries[0]
  }
  const key = async (fields: object = {}) =>
    (await admin('POST', '/v1/api-keys', { kind: 'standard', name: 'k', ...fields })).body

  test('a key is dead for good, with all that was minted by it', async () => {
    const made = await key()
    const { access_token } = (await at(1).token(made)).body
    const entry = await kill({ token: made.api_key })
    expect(entry).toMatchObject({ targetType: 'api_key', targetId: made.id, details: { kind: 'api_key' } })
    expect((await at(1).token(made)).status).toBe(401)
    expect((await at(1).introspect(tenant.keys.live, access_token)).body).toEqual({ active: false })
    expect((await admin('GET', `/v1/api-keys/${made.id}`)).body.status).toBe('revoked')
  })

  test('the pair that an OAuth client has of it will do, and so will an enterprise key', async () => {
    const { client_id, client_secret } = await key()
    await kill({ client_id, client_secret })
    const expires_at = new Date(deployment.clock.now() + 86_400_000).toISOString()
    const enterprise = await key({ kind: 'enterprise', scopes: ['tokens:introspect'], expires_at })
    expect((await report({ token: enterprise.api_key })).body).toEqual({ revoked: true })
    expect((await at(1).token(enterprise)).status).toBe(401)
  })

  test('a service token can’t be restored any more, revoked before or not', async () => {
    const user = (await admin('POST', '/v1/service-users', { name: 'u', role: 'viewer' })).body
    const issue = async () => (await admin('POST', `/v1/service-users/${user.id}/tokens`, { name: 't' })).body
    const [one, other, kept] = [await issue(), await issue(), await issue()]
    await admin('POST', `/v1/service-tokens/${other.id}/revoke`)
    const entry = await kill({ token: one.service_token })
    expect(entry).toMatchObject({ targetType: 'service_token', targetId: one.id })
    expect((await report({ token: other.service_token })).body).toEqual({ revoked: true })
    for (const { id, service_token } of [one, other]) {
      const restored = await admin('POST', `/v1/service-tokens/${id}/restore`)
      expect([restored.status, restored.body.error]).toEqual([409, 'conflict'])
      expect((await at(1).api('GET', '/v1/me', service_token)).status).toBe(401)
    }
    expect((await at(1).api('GET', '/v1/me', kept.service_token)).status).toBe(200)
  })

  test('an access token', async () => {
    const { access_token } = (await at(1).token(tenant.keys.live)).body
    expect(await kill({ token: access_token })).toMatchObject({ targetType: 'access_token' })
    expect((await at(1).api('GET', '/v1/me', access_token)).status).toBe(401)
    expect((await at(1).token(tenant.keys.live)).status).toBe(200)
  })

  test('an app’s secret is gone, and what was got with it; a new one works', async () => {
    const app = await createApp(at(), tenant.keys.live.api_key, { type: 'confidential' })
    const person = await createPerson(deployment, { tenantId: tenant.id })
    const redeem = async (client_secret: string | undefined) => {
      const { code, code_verifier, redirect_uri } = await issueCode(deployment, person, app, { resource: at().issuer })
      const pair = { client_id: app.client_id, client_secret: client_secret ?? '' }
      return at(1).token(pair, { grant_type: 'authorization_code', code, code_verifier, redirect_uri })
    }
    const { access_token, refresh_token } = (await redeem(app.client_secret)).body
    expect(await kill({ token: app.client_secret ?? '' })).toMatchObject({ targetType: 'app', targetId: app.id })
    expect((await redeem(app.client_secret)).status).toBe(401)
    for (const token of [access_token, refresh_token]) {
      expect((await at(1).introspect(tenant.keys.live, token)).body).toEqual({ active: false })
    }
    const { client_secret } = (await admin('POST', `/v1/apps/${app.id}/rotate-secret`, {})).body
    expect((await redeem(client_secret)).status).toBe(200)
  })

  test('a refresh token takes its family with it, whichever of its tokens it is', async () => {
    const app = await createApp(at(), tenant.keys.live.api_key)
    const person = await createPerson(deployment, { tenantId: tenant.id })
    const { code, code_verifier, redirect_uri } = await issueCode(deployment, person, app, { resource: at().issuer })
    const form = { client_id: app.client_id, code, code_verifier, redirect_uri }
    const first = (await at().form('/oauth/token', { grant_type: 'authorization_code', ...form })).body
    const refresh = (refresh_token: string) =>
      at(1).form('/oauth/token', { grant_type: 'refresh_token', client_id: app.client_id, refresh_token })
    const second = (await refresh(first.refresh_token)).body
    expect(await kill({ token: first.refresh_token })).toMatchObject({ targetType: 'refresh_family' })
    expect((await refresh(second.refresh_token)).body.error).toBe('invalid_grant')
    expect((await at(1).introspect(tenant.keys.live, second.access_token)).body).toEqual({ active: false })
  })

  test('an API client is inactive, and its secret is no good when it is activated again', async () => {
    const pair = { client_id: `found-${randomBytes(6).toString('hex')}`, client_secret: 'found-0n-GitHub!' }
    const made = (await admin('POST', '/v1/api-clients', { ...pair, permission: 'edit' })).body
    const { access_token } = (await at(1).token(pair)).body
    expect(await kill(pair)).toMatchObject({ targetType: 'api_client', targetId: made.id })
    expect((await at(1).token(pair)).status).toBe(401)
    expect((await at(1).introspect(tenant.keys.live, access_token)).body).toEqual({ active: false })
    expect((await admin('PATCH', `/v1/api-clients/${made.id}`, { status: 'active' })).body.status).toBe('active')
    expect((await at(1).token(pair)).status).toBe(401)
  })

  test('its owners are told, by the log and by their webhooks, when it is dead [attack 84]', async () => {
    const hook = { url: 'https://hooks.example/keycourt', events: ['credential.leaked'] }
    const { status, body } = await admin('POST', '/v1/webhooks', hook)
    expect(status).toBe(201)
    const made = await key()
    await kill({ token: made.api_key })
    const messages = await deployment.storage.database.webhookMessage.findMany({ where: { webhookId: body.id } })
    expect(messages).toHaveLength(1)
    expect(JSON.stringify(messages)).toContain(made.id)
    expect(JSON.stringify(messages)).not.toContain(made.api_key.slice(-30))
  })

  test('of two who report it at once one kills it, and the log has it once [attack 84]', async () => {
    const made = await key()
    const answers = await Promise.all([0, 1, 0, 1].map((node) => report({ token: made.api_key }, node as 0 | 1)))
    expect(answers.map(({ body }) => body.revoked).sort()).toEqual([false, false, false, true])
    expect(await leakedEntries()).toHaveLength(1)
  })

  test('a key’s secret that was rotated away kills nothing', async () => {
    const made = await key()
    const rotated = await admin('POST', `/v1/api-keys/${made.id}/rotate`, {})
    expect(rotated.status).toBe(200)
    expect((await report({ token: made.api_key })).body).toEqual({ revoked: false })
    expect((await at(1).api('GET', '/v1/me', rotated.body.api_key)).status).toBe(200)
  })

  test('works while the tenant is paused', async () => {
    const made = await key()
    await setTenantStatus(deployment, tenant.id, 'paused')
    await kill({ token: made.api_key })
    await setTenantStatus(deployment, tenant.id, 'active')
    expect((await at(1).token(made)).status).toBe(401)
  })

  test('at the other mode’s host nothing happens, and the answer says where to go', async () => {
    for (const mode of MODES) {
      const other = mode === 'live' ? 'test' : 'live'
      const { status, body } = await report({ token: tenant.keys[mode].api_key }, 0, other)
      expect([status, body.error]).toEqual([403, 'wrong_key_type'])
      expect(body.detail).toContain(mode === 'live' ? 'live host' : 'sandbox host')
      expect((await at(1, mode).token(tenant.keys[mode])).status).toBe(200)
    }
  })

  test.each([
    ['nobody’s key', () => ({ token: newStandardKey('live', 'abcdefgh2345') })],
    [
      'another’s id and a made-up secret',
      () => ({ token: newStandardKey('live', tenant.keys.live.client_id.slice(3)) }),
    ],
    ['nobody’s access token', () => ({ token: newAccessToken('live', 'aaaaaaaa') })],
    ['nobody’s refresh token', () => ({ token: newRefreshToken('live', 'aaaaaaaaaaaaaaaa') })],
    ['a public key', () => ({ token: 'pk_live_abcdefgh2345' })],
    ['no credential at all', () => ({ token: 'hunter2\0\ud800' })],
    ['nobody’s pair', () => ({ client_id: 'nobody', client_secret: 'hunter2-and-more!' })],
  ])('%s: false, and nobody is touched', async (_, form) => {
    expect((await report(form())).body).toEqual({ revoked: false })
    expect((await at(1).token(tenant.keys.live)).status).toBe(200)
    expect(await leakedEntries()).toEqual([])
  })

  test.each([
    [{}],
    [{ client_id: 'a' }],
    [{ client_secret: 'a' }],
    [{ token: 'a', client_id: 'b', client_secret: 'c' }],
  ])('%j is invalid_request', async (form) => {
    const { status, body } = await report(form)
    expect([status, body.error]).toEqual([400, 'invalid_request'])
  })

  test('JSON is refused, and so is GET', async () => {
    expect((await at().api('POST', '/oauth/leaked', undefined, { token: 'a' })).body.error).toBe('invalid_request')
    expect((await at().get('/oauth/leaked')).status).toBe(405)
  })
})

describeDeployment('cluster', 'POST /oauth/leaked from a guesser', (open) => {
  describe('of one network', () => {
    test('is limited, while the right credential still works', async () => {
      const deployment = await startDeployment(open)
      const [one, other] = [deployment.nodes[0].at('live'), deployment.nodes[1].at('live')]
      for (let count = 0; count < FAILURES_PER_MINUTE.network; count++) {
        expect((await one.form('/oauth/leaked', { token: 'made up' })).status).toBe(200)
      }
      const limited = await other.form('/oauth/leaked', { token: newStandardKey('live', 'abcdefgh2345') })
      expect([limited.status, limited.body.error]).toEqual([429, 'rate_limited'])
      expect(Number(limited.headers['retry-after'])).toBeGreaterThan(0)
      expect((await other.form('/oauth/leaked', { token: deployment.made.live.api_key })).body).toEqual({
        revoked: true,
      })
    })
  })

  test('what is dead already is no way around the limit', async () => {
    const deployment = await startDeployment(open)
    const live = deployment.nodes[0].at('live')
    const { api_key } = await createTenant(deployment).then(({ keys }) => keys.live)
    const report = () => live.form('/oauth/leaked', { token: api_key })
    expect((await report()).body).toEqual({ revoked: true })
    for (let count = 0; count < FAILURES_PER_MINUTE.network; count++) {
      expect((await report()).body).toEqual({ revoked: false })
    }
    expect((await report()).body.error).toBe('rate_limited')
  })
})
