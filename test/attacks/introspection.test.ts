import { decodeJwt } from 'jose'
import { beforeAll, describe, expect, test } from 'vitest'
import { newAccessToken, newClientRef, newFamily, newRefreshToken } from '../../server/credentials/format.ts'
import { describeDeployments } from '../deployments.ts'
import { basic, type Caller, type Key, startDeployment, type TestDeployment } from '../start.ts'
import { createTenant, type TestTenant } from '../tenants.ts'
import { KINDS, type Subjects, subjectsOf } from './introspection-subjects.ts'

const JWT = 'application/token-introspection+jwt'
const INACTIVE = '{"active":false}'
const APP = { name: 'a', type: 'confidential', redirect_uris: ['https://a.example/cb'], scopes: ['apps:read'] }

describeDeployments('introspection by strangers, and of what is theirs', (open) => {
  let deployment: TestDeployment
  let live: Caller
  let there: Caller
  let ours: TestTenant
  let theirs: TestTenant
  let subjects: Subjects

  beforeAll(async () => {
    deployment = await startDeployment(open)
    live = deployment.nodes[0].at('live')
    there = deployment.nodes[1].at('live')
    ours = await createTenant(deployment)
    theirs = await createTenant(deployment)
    subjects = await subjectsOf(deployment, ours)
  })

  const ask = (
    at: Caller,
    headers: Record<string, string>,
    form: Record<string, string>,
    accept = 'application/json',
  ) => at.form('/oauth/introspect', form, { accept, ...headers }).buffer(true)
  const asked = (at: Caller, by: Key, token: string, accept?: string) =>
    ask(at, { authorization: basic(by) }, { token }, accept)
  const make = async (path: string, body: object) => (await live.api('POST', path, ours.keys.live.api_key, body)).body

  test.each(KINDS)('%s: the owner is told, by any node', async (kind) => {
    for (const at of [live, there]) {
      expect((await at.introspect(ours.keys.live, subjects.texts[kind])).body.active).toBe(true)
    }
  })

  test('by nobody, or with a bearer token alone: 401, in neither form a word about the token [attack 67]', async () => {
    const { access_token, api_key } = subjects.texts
    const { client_id, client_secret } = ours.keys.live
    const flipped = `${client_secret.startsWith('a') ? 'b' : 'a'}${client_secret.slice(1)}`
    const nobodies: [Record<string, string>, Record<string, string>][] = [
      [{}, {}],
      [{ authorization: `Bearer ${access_token}` }, {}],
      [{ authorization: `Bearer ${ours.keys.live.api_key}` }, {}],
      [{ authorization: `DPoP ${access_token}` }, {}],
      [{ 'x-api-key': api_key }, {}],
      [{}, { client_id }],
      [{}, { client_id: subjects.app.client_id }], // a public client: it is nobody, whoever it says it is
      [{ authorization: basic({ client_id, client_secret: flipped }) }, {}],
      [{ authorization: basic({ client_id, client_secret: '' }) }, {}],
    ]
    for (const [headers, form] of nobodies) {
      for (const accept of ['application/json', JWT]) {
        for (const token of Object.values(subjects.texts)) {
          const answer = await ask(live, headers, { ...form, token }, accept)
          expect([answer.status, answer.body.error]).toEqual([401, 'invalid_client'])
          expect(Object.keys(answer.body).filter((name) => !name.startsWith('error'))).toEqual([])
          expect(answer.headers['content-type']).toMatch(/^application\/json/)
        }
      }
    }
  })

  describe('by a client that it is not for', () => {
    const callers: [string, () => Promise<Key>][] = [
      ["another tenant's", async () => theirs.keys.live],
      ['without tokens:introspect', () => make('/v1/api-keys', { kind: 'standard', name: 'n', scopes: ['apps:read'] })],
      ['an app without tokens:introspect', () => make('/v1/apps', APP)],
    ]
    // Of CVE-2026-37979 and CVE-2026-18208 the second: the JWT told what the JSON kept to itself.
    test.each(callers)('%s: inactive, and no other member [attack 67, 68]', async (_, by) => {
      const caller = await by()
      for (const token of Object.values(subjects.texts)) {
        const plain = await asked(there, caller, token)
        expect([plain.status, plain.text]).toEqual([200, INACTIVE])
        const signed = await asked(there, caller, token, JWT)
        expect([signed.status, signed.headers['content-type']]).toEqual([200, JWT])
        const { iss, aud, iat, ...rest } = decodeJwt(signed.text)
        expect([iss, aud, typeof iat]).toEqual([live.issuer, caller.client_id, 'number'])
        expect(rest).toEqual({ token_introspection: { active: false } })
      }
    })
  })

  test("another tenant's, the other mode's, revoked and expired are answered as unknown ones are [attack 68]", async () => {
    const by = theirs.keys.live
    const sandbox = deployment.nodes[0].at('test')
    const [revoked, expired] = await Promise.all([live.token(by), live.token(by)])
    await live.revoke(by, revoked.body.access_token)
    const short = await live.api('POST', '/v1/resources', theirs.keys.live.api_key, {
      ...{ identifier: 'https://short.example', name: 's', scopes: ['a:b'], token_validity: 60 },
    })
    expect([short.status, expired.status]).toEqual([201, 200])
    const brief = await live.token(by, { resource: 'https://short.example' })
    deployment.clock.advance(61_000)
    const strange = [
      ...Object.values(subjects.texts),
      (await sandbox.token(theirs.keys.test)).body.access_token,
      ...[theirs.keys.test.api_key, ours.keys.test.api_key],
      ...[revoked.body.access_token, brief.body.access_token],
      newRefreshToken('live', newFamily()),
      newRefreshToken('test', newFamily()),
      newAccessToken('test', newClientRef()),
      'garbage',
    ]
    const shapeOf = async (at: Caller, token: string, accept: string) => {
      const { status, headers, text } = await asked(at, by, token, accept)
      const { date: _, 'x-request-id': __, ...rest } = headers
      return [status, rest, accept === JWT ? text.length : text]
    }
    for (const at of [live, there]) {
      for (const accept of ['application/json', JWT]) {
        const unknown = await shapeOf(at, newAccessToken('live', newClientRef()), accept)
        for (const token of strange) expect(await shapeOf(at, token, accept)).toEqual(unknown)
      }
    }
  })

  test('a wrong token_type_hint changes no answer, for any kind [attack 70]', async () => {
    const headers = { authorization: basic(ours.keys.live) }
    for (const token of Object.values(subjects.texts)) {
      const right = (await ask(live, headers, { token })).body
      expect(right.active).toBe(true)
      for (const token_type_hint of ['access_token', 'refresh_token', 'api_key', 'nonsense', '', 'id_token\u0000']) {
        expect((await ask(there, headers, { token, token_type_hint })).body).toEqual(right)
      }
    }
  })
})
