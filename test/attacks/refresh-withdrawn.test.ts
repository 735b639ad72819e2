import { beforeAll, beforeEach, expect, test } from 'vitest'
import { withdrawConsent } from '../../server/people/consent.ts'
import { describeDeployments } from '../deployments.ts'
import { createApp, createPerson, issueCode, type Person, REDIRECT_URI, type TestApp } from '../oauth/people.ts'
import { type Caller, startDeployment, type TestDeployment } from '../start.ts'
import { changeOf, createTenant, setTenantStatus, type TestTenant } from '../tenants.ts'

const ORDERS = { identifier: 'https://orders.example', name: 'Orders', scopes: ['orders:read', 'orders:write'] }

/** What a family stands on, and what can be taken from under it. */
interface Under {
  readonly tenant: TestTenant
  readonly person: Person
  readonly app: TestApp
  readonly resourceId: string
  readonly consentId: string
}

/** As an app in a person's name at a resource; refused once what it stands on is gone, on whichever node it asks. */
describeDeployments('a refresh after what it stood on was withdrawn', (open) => {
  let deployment: TestDeployment
  let here: Caller
  let there: Caller
  let tenant: TestTenant
  let person: Person
  let resourceId: string

  beforeAll(async () => {
    deployment = await startDeployment(open)
    here = deployment.nodes[0].at('live')
    there = deployment.nodes[1].at('live')
  })
  beforeEach(async () => {
    tenant = await createTenant(deployment)
    person = await createPerson(deployment, { role: 'admin', tenantId: tenant.id })
    resourceId = (await admin('POST', '/v1/resources', ORDERS)).body.id
  })

  const api = async (api_key: string, method: 'POST' | 'PATCH' | 'DELETE', path: string, body?: object) => {
    const answer = await here.api(method, path, api_key, body)
    expect(answer.status, `${method} ${path}: ${answer.text}`).toBeLessThan(300)
    return answer
  }
  const admin = (method: 'POST' | 'PATCH' | 'DELETE', path: string, body?: object) =>
    api(tenant.keys.live.api_key, method, path, body)
  const asClient = ({ client_id, client_secret }: TestApp) => ({ client_id, ...(client_secret && { client_secret }) })
  const refresh = async (at: Caller, app: TestApp, refresh_token: string, scope?: string) => {
    const form = { grant_type: 'refresh_token', ...asClient(app), refresh_token, ...(scope && { scope }) }
    const { status, body } = await at.form('/oauth/token', form)
    return { status, error: body.error as string, ...body }
  }
  const isActive = async (at: Caller, token: string) => (await at.introspect(tenant.keys.live, token)).body.active

  /** A family with a retry window, which has been used on both nodes: neither asks a store for what it has a copy of. */
  async function begin(app: TestApp, scope: readonly string[] = ['orders:read'], resource = ORDERS.identifier) {
    const { code, code_verifier, redirect_uri, consentId } = await issueCode(deployment, person, app, {
      resource,
      scope,
    })
    const form = { grant_type: 'authorization_code', ...asClient(app), code, code_verifier, redirect_uri }
    const { body: first } = await here.form('/oauth/token', form)
    const second = await refresh(there, app, first.refresh_token)
    const third = await refresh(here, app, second.refresh_token)
    for (const at of [here, there]) expect(await isActive(at, third.access_token)).toBe(true)
    const under: Under = { tenant, person, app, resourceId, consentId }
    return { under, used: second.refresh_token as string, newest: third }
  }

  const patientApp = (fields: object = {}) =>
    createApp(here, tenant.keys.live.api_key, { refresh_retry_window: 300, ...fields })

  /** Neither the token that is good, nor the one whose successor it is, on neither node. */
  async function expectRefused(app: TestApp, [used, newest]: [string, string], answer: object): Promise<void> {
    for (const at of [there, here]) {
      for (const token of [used, newest]) expect(await refresh(at, app, token)).toMatchObject(answer)
    }
  }

  const invalidGrant = { status: 400, error: 'invalid_grant' }
  const invalidClient = { status: 401, error: 'invalid_client' }

  test.each<[string, (under: Under) => Promise<unknown>, object]>([
    ['the app was deleted', ({ app }) => admin('DELETE', `/v1/apps/${app.id}`), invalidClient],
    ['the person was removed', ({ person: { id } }) => admin('DELETE', `/v1/members/${id}`), invalidGrant],
    [
      'the person was demoted',
      ({ person: { id } }) => admin('PATCH', `/v1/members/${id}`, { role: 'member' }),
      invalidGrant,
    ],
    ['the person took back their consent', (under) => withdraw(under), invalidGrant],
  ])('%s: refused, and all of the family is dead [attack 41]', async (_, takeAway, answer) => {
    const { under, used, newest } = await begin(await patientApp())
    await takeAway(under)
    for (const at of [there, here]) {
      for (const token of [newest.access_token, newest.refresh_token]) expect(await isActive(at, token)).toBe(false)
    }
    await expectRefused(under.app, [used, newest.refresh_token], answer)
  })

  test('a public key was revoked: refused, and all of the family is dead [attack 41]', async () => {
    const key = { kind: 'public', name: 'web', redirect_uris: [REDIRECT_URI], refresh_retry_window: 300 }
    const app: TestApp = (await admin('POST', '/v1/api-keys', key)).body
    const { used, newest } = await begin(app)
    await admin('DELETE', `/v1/api-keys/${app.id}`)
    for (const token of [newest.access_token, newest.refresh_token]) expect(await isActive(there, token)).toBe(false)
    await expectRefused(app, [used, newest.refresh_token], invalidClient)
  })

  test("a confidential app's secret was replaced: refused with the old one, and it harms nobody [attack 41]", async () => {
    const app = await patientApp({ type: 'confidential' })
    const { used, newest } = await begin(app)
    const { client_secret } = (await admin('POST', `/v1/apps/${app.id}/rotate-secret`, {})).body
    await expectRefused(app, [used, newest.refresh_token], invalidClient)
    expect((await refresh(there, { ...app, client_secret }, newest.refresh_token)).status).toBe(200)
  })

  test.each<[string, (under: Under) => Promise<unknown>, (under: Under) => Promise<unknown>, object]>([
    [
      'its resource was deprecated',
      (under) => admin('POST', `/v1/resources/${under.resourceId}/deprecate`),
      (under) => admin('POST', `/v1/resources/${under.resourceId}/restore`),
      { status: 400, error: 'invalid_target' },
    ],
    [
      'its scope was deprecated',
      (under) => admin('PATCH', `/v1/resources/${under.resourceId}`, { deprecated_scopes: ['orders:read'] }),
      (under) => admin('PATCH', `/v1/resources/${under.resourceId}`, { scopes: ['orders:read'] }),
      { status: 400, error: 'invalid_scope' },
    ],
    [
      'the app lost its scope',
      ({ app }) => admin('PATCH', `/v1/apps/${app.id}`, { scopes: ['orders:write'] }),
      ({ app }) => admin('PATCH', `/v1/apps/${app.id}`, { scopes: null }),
      { status: 400, error: 'invalid_scope' },
    ],
    [
      'the tenant was paused',
      () => setTenantStatus(deployment, tenant.id, 'paused'),
      () => setTenantStatus(deployment, tenant.id, 'active'),
      { status: 403, error: 'subscription_inactive' },
    ],
  ])('%s: refused until it is given back [attack 41]', async (_, takeAway, giveBack, answer) => {
    const { under, used, newest } = await begin(await patientApp())
    await takeAway(under)
    await expectRefused(under.app, [used, newest.refresh_token], answer)
    await giveBack(under)
    expect(await refresh(there, under.app, newest.refresh_token)).toMatchObject({ status: 200, scope: 'orders:read' })
  })

  test('the app lost one of its scopes: that one is not given again, nor to whoever names it [attack 41]', async () => {
    const app = await patientApp()
    const { newest } = await begin(app, ORDERS.scopes)
    await admin('PATCH', `/v1/apps/${app.id}`, { scopes: ['orders:read'] })
    const named = await refresh(there, app, newest.refresh_token, 'orders:read orders:write')
    expect(named).toMatchObject({ status: 400, error: 'invalid_scope', scope: 'orders:write' })
    expect(await refresh(there, app, newest.refresh_token)).toMatchObject({ status: 200, scope: 'orders:read' })
  })

  async function withdraw({ consentId: id, person: { id: memberId, email } }: Under): Promise<void> {
    const origin = { actor: { type: 'member' as const, id: memberId, name: email } }
    await changeOf(deployment)({ tenantId: tenant.id, mode: 'live' }, origin, (transaction) =>
      withdrawConsent(transaction, { id, memberId }, new Date(deployment.clock.now())),
    )
  }
})
