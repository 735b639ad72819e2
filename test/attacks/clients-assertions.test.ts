import { exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose'
import { beforeAll, describe, expect, test } from 'vitest'
import type { Storage } from '../../server/storage/open.ts'
import { describeDeployments, type OpenStorage } from '../deployments.ts'
import { createApp } from '../oauth/people.ts'
import { basic, type Caller, type Key, startDeployment, type TestDeployment } from '../start.ts'

const TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
const ENDPOINTS = ['/oauth/token', '/oauth/par', '/oauth/introspect', '/oauth/revoke']

describeDeployments('client assertions', (open) => {
  let deployment: TestDeployment
  let live: Caller
  let privateKey: Awaited<ReturnType<typeof generateKeyPair>>['privateKey']
  let jwks: { keys: JWK[] }
  let clientId: string
  /** Names of what is remembered, and until when. */
  const remembered: [string, number][] = []

  const openWatched: OpenStorage = async (needs) => {
    const opened = await open(needs)
    const watched = (storage: Storage): Storage => {
      const { live: state } = storage.state
      const remember: typeof state.remember = (name, until) => {
        remembered.push([name, until])
        return state.remember(name, until)
      }
      return { ...storage, state: { ...storage.state, live: Object.assign(Object.create(state), { remember }) } }
    }
    return { ...opened, nodes: [watched(opened.nodes[0]), opened.nodes[1]] }
  }

  beforeAll(async () => {
    deployment = await startDeployment(openWatched)
    live = deployment.nodes[0].at('live')
    const pair = await generateKeyPair('ES256')
    privateKey = pair.privateKey
    jwks = { keys: [{ ...(await exportJWK(pair.publicKey)), alg: 'ES256' }] }
    const robot = { name: 'robot', role: 'viewer', jwks }
    clientId = (await live.api('POST', '/v1/service-users', deployment.made.live.api_key, robot)).body.client_id
  })

  const seconds = () => Math.floor(deployment.clock.now() / 1000)
  const claims = (change: object = {}) => ({
    ...{ iss: clientId, sub: clientId, aud: live.issuer, jti: crypto.randomUUID(), exp: seconds() + 60, ...change },
  })
  const signed = (change: object = {}) =>
    new SignJWT(claims(change)).setProtectedHeader({ alg: 'ES256' }).sign(privateKey)
  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const unsigned = (change: object = {}) => `${encode({ alg: 'none', typ: 'JWT' })}.${encode(claims(change))}.`
  const formOf = (client_assertion: string) => ({
    ...{ grant_type: 'client_credentials', client_assertion_type: TYPE, client_assertion, token: 'x' },
  })
  const errorOf = async (request: ReturnType<Caller['form']>) => {
    const { status, body } = await request
    return [status, body.error]
  }

  describe('memory', () => {
    test('what is remembered has an end, five minutes and the skew away at most [attack 18]', async () => {
      remembered.length = 0
      expect((await live.form('/oauth/token', formOf(await signed({ exp: seconds() + 300 })))).status).toBe(200)
      expect(remembered).toHaveLength(1)
      expect(remembered[0]?.[1]).toBeLessThanOrEqual(deployment.clock.now() + 321_000)
    })

    test('nothing is remembered of those that are refused: no store grows by them [attack 18]', async () => {
      remembered.length = 0
      for (const years of [1, 10, 1000, 1e9]) {
        const far = { exp: seconds() + years * 365 * 86_400, jti: 'x'.repeat(100) }
        expect(await errorOf(live.form('/oauth/token', formOf(await signed(far))))).toEqual([401, 'invalid_client'])
      }
      for (const change of [{ aud: 'https://other.example' }, { iss: 'su_aaaaaaaaaaaa' }, { exp: seconds() - 300 }]) {
        expect(await errorOf(live.form('/oauth/token', formOf(await signed(change))))).toEqual([401, 'invalid_client'])
      }
      expect(await errorOf(live.form('/oauth/token', formOf(unsigned())))).toEqual([401, 'invalid_client'])
      expect(remembered).toEqual([])
    })
  })

  describe('unsigned, beside a secret that is right', () => {
    test('beside a key: two ways at once, by the body or by Basic, at every endpoint [attack 20]', async () => {
      const key = deployment.made.live
      const { client_id, client_secret } = key
      const forms = [unsigned(), unsigned({ iss: client_id, sub: client_id })].map(formOf)
      for (const path of ENDPOINTS) {
        for (const form of forms) {
          const both = await errorOf(live.form(path, { ...form, client_id, client_secret }))
          expect(both).toEqual([400, 'invalid_request'])
          const header = { authorization: basic(key) }
          expect(await errorOf(live.form(path, form, header))).toEqual([400, 'invalid_request'])
        }
      }
    })

    test('beside the secret of an app that must sign by now: neither is taken, together or alone [attack 20]', async () => {
      const admin = deployment.made.live.api_key
      const app = (await createApp(live, admin, { type: 'confidential' })) as Key & { id: string }
      const { client_id, client_secret } = app
      const bySecret = () => live.form('/oauth/revoke', { token: 'x', client_id, client_secret })
      expect((await bySecret()).status).toBe(200)
      const { body: changed } = await live.api('PATCH', `/v1/apps/${app.id}`, admin, { jwks })
      expect(changed.jwks).toEqual(jwks)

      const own = { iss: client_id, sub: client_id }
      expect((await live.form('/oauth/revoke', formOf(await signed(own)))).status).toBe(200)
      for (const path of ENDPOINTS) {
        const form = { ...formOf(unsigned(own)), client_id }
        expect(await errorOf(live.form(path, form))).toEqual([401, 'invalid_client'])
        expect(await errorOf(live.form(path, { ...form, client_secret }))).toEqual([400, 'invalid_request'])
      }
      expect(await errorOf(bySecret())).toEqual([401, 'invalid_client'])
    })
  })
})
