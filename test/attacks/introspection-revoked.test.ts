import { beforeAll, beforeEach, expect, test } from 'vitest'
import { describeDeployments } from '../deployments.ts'
import { createApp, createPerson, issueCode, type TestApp } from '../oauth/people.ts'
import { basic, type Caller, startDeployment, type TestDeployment } from '../start.ts'
import { createTenant, type TestTenant } from '../tenants.ts'
import { KINDS, type Kind, subjectsOf } from './introspection-subjects.ts'

describeDeployments("revoking one's own, and a stranger's", (open) => {
  let deployment: TestDeployment
  let live: Caller
  let there: Caller
  let tenant: TestTenant

  beforeAll(async () => {
    deployment = await startDeployment(open)
    live = deployment.nodes[0].at('live')
    there = deployment.nodes[1].at('live')
  })
  beforeEach(async () => {
    tenant = await createTenant(deployment)
  })

  const isActive = async (token: string, at = there) => (await at.introspect(tenant.keys.live, token)).body.active
  const revokeAs = (app: TestApp, token: string, more: object = {}) =>
    live.form('/oauth/revoke', { client_id: app.client_id, token, ...more })

  /** A family a few generations old: all of its access tokens, and all of its refresh tokens. */
  async function familyOf(app: TestApp) {
    const person = await createPerson(deployment, { tenantId: tenant.id })
    const { code, code_verifier, redirect_uri } = await issueCode(deployment, person, app, { resource: live.issuer })
    const form = (fields: object) => live.form('/oauth/token', { client_id: app.client_id, ...fields } as never)
    const generations = [(await form({ grant_type: 'authorization_code', code, code_verifier, redirect_uri })).body]
    while (generations.length < 3) {
      const { refresh_token } = generations.at(-1)
      generations.push((await form({ grant_type: 'refresh_token', refresh_token })).body)
    }
    return {
      access: generations.map(({ access_token }) => access_token as string),
      refresh: generations.map(({ refresh_token }) => refresh_token as string),
    }
  }

  test('a refresh token: all access tokens of its family die, on both nodes; again: 200 [attack 71, 72]', async () => {
    const app = await createApp(live, tenant.keys.live.api_key)
    for (const which of [2, 0]) {
      const { access, refresh } = await familyOf(app)
      for (const token of [...access, refresh[2] as string]) expect(await isActive(token)).toBe(true)
      expect((await revokeAs(app, refresh[which] as string)).status).toBe(200)
      for (const token of [...access, ...refresh]) {
        expect(await isActive(token)).toBe(false)
        expect(await isActive(token, live)).toBe(false)
      }
      const again = await revokeAs(app, refresh[which] as string)
      expect([again.status, again.text]).toEqual([200, ''])
    }
  })

  test("another app's or tenant's refresh and access tokens: 200, and they live [attack 71]", async () => {
    const app = await createApp(live, tenant.keys.live.api_key)
    const { access, refresh } = await familyOf(app)
    const tokens = [...access, refresh[2] as string]
    const sibling = await createApp(live, tenant.keys.live.api_key)
    const other = await createTenant(deployment)
    const stranger = await createApp(live, other.keys.live.api_key)
    for (const token of tokens) {
      for (const by of [sibling, stranger]) expect((await revokeAs(by, token)).status).toBe(200)
      // Not even the tenant's own key, by this endpoint: it is no client that the token was issued to.
      for (const by of [tenant.keys.live, other.keys.live]) expect((await live.revoke(by, token)).status).toBe(200)
      expect(await isActive(token)).toBe(true)
    }
  })

  test("no stranger's key ends a credential of any kind [attack 71]", async () => {
    const { texts } = await subjectsOf(deployment, tenant)
    const other = await createTenant(deployment)
    for (const kind of KINDS) {
      expect((await live.revoke(other.keys.live, texts[kind])).status).toBe(200)
      expect([kind, await isActive(texts[kind])]).toEqual([kind, true])
    }
  })

  test('a wrong token_type_hint keeps nothing alive [attack 70]', async () => {
    for (const token_type_hint of ['access_token', 'refresh_token', 'nonsense']) {
      const { texts, app } = await subjectsOf(deployment, tenant)
      const ends: [Kind, string][] = [
        ['api_key', basic(tenant.keys.live)],
        ['service_token', basic(tenant.keys.live)],
        ['personal_access_token', basic(tenant.keys.live)],
      ]
      for (const [kind, authorization] of ends) {
        const form = { token: texts[kind], token_type_hint }
        expect((await live.form('/oauth/revoke', form, { authorization })).status).toBe(200)
        expect([kind, await isActive(texts[kind])]).toEqual([kind, false])
      }
      expect((await revokeAs(app, texts.refresh_token, { token_type_hint })).status).toBe(200)
      expect([await isActive(texts.refresh_token), await isActive(texts.persons_access_token)]).toEqual([false, false])
    }
  })
})
