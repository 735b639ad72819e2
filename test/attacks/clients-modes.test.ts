import { beforeAll, describe, expect, test } from 'vitest'
import { ASTRAY_PER_MINUTE } from '../../server/credentials/astray.ts'
import { newEnterpriseKey, newPublicId, newStandardKey, splitKey } from '../../server/credentials/format.ts'
import { MODES, type Mode, otherMode } from '../../server/mode/mode.ts'
import { describeDeployments } from '../deployments.ts'
import { addApiClient, tokenFor } from '../management/api-clients.ts'
import { createPerson, makePersonalToken } from '../oauth/people.ts'
import { type Caller, type Key, startDeployment, type TestDeployment } from '../start.ts'

describeDeployments('what is of one mode, in the other', (open) => {
  let deployment: TestDeployment

  beforeAll(async () => {
    deployment = await startDeployment(open)
  })

  const at = (mode: Mode): Caller => deployment.nodes[0].at(mode)
  const there = (mode: Mode): Caller => deployment.nodes[1].at(mode)

  /** All that a tenant can hold in a mode, as it is presented. */
  async function held(mode: Mode) {
    const { api_key, ...pair } = deployment.made[mode]
    const post = async (path: string, body: object) => (await at(mode).api('POST', path, api_key, body)).body
    const user = await post('/v1/service-users', { name: 'robot', role: 'viewer' })
    const { service_token } = await post(`/v1/service-users/${user.id}/tokens`, { name: 't' })
    const person = await createPerson(deployment)
    return {
      api_key,
      service_token: service_token as string,
      personal: (await makePersonalToken(deployment, person, { mode })).personal_access_token,
      access_token: (await at(mode).token(pair)).body.access_token as string,
      ofApiClient: (await tokenFor(at(mode), await addApiClient(at(mode), api_key))).body.access_token as string,
    }
  }

  describe.each(MODES)('%s', (mode) => {
    const other = otherMode(mode)

    test('all credentials: refused at the management API, and introspected and revoked as nobody’s [attack 7]', async () => {
      for (const [kind, credential] of Object.entries(await held(mode))) {
        for (const node of deployment.nodes) {
          for (const headers of [{ authorization: `Bearer ${credential}` }, { 'x-api-key': credential }] as object[]) {
            const { status, body } = await node.at(other).get('/v1/me', headers as Record<string, string>)
            expect([kind, status, body.error]).toEqual([kind, 403, 'wrong_key_type'])
          }
          const introspected = await node.at(other).introspect(deployment.made[other], credential)
          expect([kind, introspected.body]).toEqual([kind, { active: false }])
          const { status, text } = await node.at(other).revoke(deployment.made[other], credential)
          expect([kind, status, text]).toEqual([kind, 200, ''])
        }
        expect((await at(mode).api('GET', '/v1/me', credential)).status).toBe(200)
      }
    })

    test('a token of a resource with the same identifier in both: inactive all the same [attack 7]', async () => {
      const resource = { identifier: 'https://orders.example', name: 'Orders', scopes: ['orders:read'] }
      for (const each of MODES) await at(each).api('POST', '/v1/resources', deployment.made[each].api_key, resource)
      const form = { resource: resource.identifier }
      const { access_token } = (await at(mode).token(deployment.made[mode], form)).body
      expect((await at(mode).introspect(deployment.made[mode], access_token)).body.aud).toBe(resource.identifier)
      expect((await at(other).introspect(deployment.made[other], access_token)).body).toEqual({ active: false })
    })

    test('a key: refused as a client at every OAuth endpoint [attack 7]', async () => {
      const { client_id, client_secret } = deployment.made[mode]
      const form = { grant_type: 'client_credentials', token: 'x', client_id, client_secret }
      for (const path of ['/oauth/token', '/oauth/introspect', '/oauth/revoke', '/oauth/par']) {
        const { status, body } = await at(other).form(path, form)
        expect([path, status, body.error]).toEqual([path, 401, 'invalid_client'])
      }
    })

    test('a key that tries is in the log of its own mode: each time, and of a flood the first few [attack 7]', async () => {
      const { api_key: admin } = deployment.made[mode]
      const made = await at(mode).api('POST', '/v1/api-keys', admin, { kind: 'standard', name: 'lost its way' })
      const path = `/v1/audit-logs?action=credential.rejected&target=${made.body.id}`
      const logged = async () => (await there(mode).api('GET', path, admin)).body.data
      for (let each = 1; each <= ASTRAY_PER_MINUTE; each++) {
        expect((await at(other).token(made.body as Key)).status).toBe(401)
        await expect.poll(async () => (await logged()).length, { timeout: 10_000 }).toBe(each)
      }
      const [entry] = await logged()
      const key = { type: 'api_key', id: made.body.id }
      expect(entry).toMatchObject({
        ...{ actor: { ...key, name: 'lost its way' }, target: key, ip: expect.stringMatching(/127\.0\.0\.1$/) },
        details: {
          reason: 'wrong_mode',
          client_id: made.body.client_id,
          presented_in: other,
          sandbox: mode === 'test',
        },
      })
      expect(JSON.stringify(entry)).not.toContain(made.body.client_secret)

      for (let each = 0; each < 20; each++) await at(other).token(made.body as Key)
      // What comes of another key later has come of these by then.
      const { api_key: _, ...pair } = (
        await at(mode).api('POST', '/v1/api-keys', admin, { kind: 'standard', name: 'after it' })
      ).body
      await at(other).token(pair)
      const later = `/v1/audit-logs?action=credential.rejected&target=${pair.id}`
      const isLogged = async () => (await there(mode).api('GET', later, admin)).body.data.length
      await expect.poll(isLogged, { timeout: 10_000 }).toBe(1)
      expect(await logged()).toHaveLength(ASTRAY_PER_MINUTE)
      // The mode where it was presented hears nothing of a key that it doesn't know.
      const elsewhere = await at(other).api('GET', '/v1/audit-logs?limit=100', deployment.made[other].api_key)
      expect(elsewhere.text).not.toContain(made.body.id)
    })

    test('a key that is made up, or has another secret, is in nobody’s log [attack 7]', async () => {
      const count = () => deployment.storage.database.auditEntry.count({ where: { action: 'credential.rejected' } })
      const drained = () => deployment.nodes[0].node.drainEvents()
      await drained()
      const before = await count()
      const own = mode === 'live' ? [newEnterpriseKey(newPublicId())] : []
      const { api_key: admin, client_id } = deployment.made[mode]
      for (const key of [newStandardKey(mode, client_id.slice(3)), newStandardKey(mode, newPublicId()), ...own]) {
        const { clientId, clientSecret } = splitKey(key)
        const { status, body } = await at(other).token({ client_id: clientId, client_secret: clientSecret })
        expect([status, body.error]).toEqual([401, 'invalid_client'])
      }
      // They are looked at in turn: when a real one has its entry, they have had theirs.
      const real = (await at(mode).api('POST', '/v1/api-keys', admin, { kind: 'standard', name: 'real' })).body
      await at(other).token(real as Key)
      const counted = async () => {
        await drained()
        return (await count()) - before
      }
      await expect.poll(counted, { timeout: 10_000 }).toBe(1)
    })
  })
})
