import { randomBytes } from 'node:crypto'
import { beforeAll, describe, expect, test } from 'vitest'
import { newPublicId, newServiceToken, newStandardKey } from '../../server/credentials/format.ts'
import { describeDeployment } from '../deployments.ts'
import { type Caller, type Key, startDeployment, type TestDeployment } from '../start.ts'
import { createTenant, type TestTenant } from '../tenants.ts'

/**
 * What the answers say. That they also take the same time is measured at 10,000 samples each by `bench/timing.ts`, which
 * is no test: on a busy machine it would be about the machine.
 */
describeDeployment('cluster', 'an unknown client, a wrong secret, a revoked key', (open) => {
  let deployment: TestDeployment
  let live: Caller
  let tenant: TestTenant

  beforeAll(async () => {
    deployment = await startDeployment(open)
    live = deployment.nodes[0].at('live')
    tenant = await createTenant(deployment)
  })

  const admin = (method: 'POST' | 'DELETE' | 'PATCH', path: string, body?: object) =>
    live.api(method, path, tenant.keys.live.api_key, body)
  const create = async (path: string, body: object) => {
    const { status, body: made } = await admin('POST', path, body)
    expect(status).toBe(201)
    return made
  }
  const secretOf = (key: string) => key.slice(-49)
  const inAMinute = () => new Date(deployment.clock.now() + 60_000).toISOString()

  /** Credentials of the right form and checksum that are worth nothing, each for a reason of its own. */
  async function worthless(): Promise<[why: string, pair: Key, text: string][]> {
    const key = { kind: 'standard', name: 'k' }
    const [wrong, revoked, expired, rotated] = [
      await create('/v1/api-keys', key),
      await create('/v1/api-keys', key),
      await create('/v1/api-keys', { ...key, expires_at: inAMinute() }),
      await create('/v1/api-keys', key),
    ]
    await admin('DELETE', `/v1/api-keys/${revoked.id}`)
    await admin('POST', `/v1/api-keys/${rotated.id}/rotate`, {})
    deployment.clock.advance(61_000)
    const id = newPublicId()
    const nobodys = newStandardKey('live', id)
    const guessed = newStandardKey('live', wrong.client_id.slice(3))
    return [
      ['unknown', { client_id: `tk_${id}`, client_secret: secretOf(nobodys) }, nobodys],
      ['a wrong secret', { client_id: wrong.client_id, client_secret: secretOf(guessed) }, guessed],
      ['revoked', revoked, revoked.api_key],
      ['expired', expired, expired.api_key],
      ['rotated away', rotated, rotated.api_key],
    ]
  }

  /** All of an answer but what differs from one request to the next. */
  const shapeOf = ({ status, headers, text }: { status: number; headers: Record<string, string>; text: string }) => {
    const { date: _, 'x-request-id': id = '', ...rest } = headers
    return { status, headers: rest, text: id ? text.replaceAll(id, '<id>') : text }
  }
  type Request = (
    pair: Key,
    text: string,
  ) => PromiseLike<{ status: number; headers: Record<string, string>; text: string }>

  const DOORS: Record<string, Request> = {
    'the token endpoint, by Basic': (pair) => live.token(pair),
    'the token endpoint, in the body': ({ client_id, client_secret }) =>
      live.form('/oauth/token', { grant_type: 'client_credentials', client_id, client_secret }),
    'the token endpoint, by a grant that is not theirs': (pair) =>
      live.token(pair, { grant_type: 'authorization_code', code: 'x', code_verifier: 'x'.repeat(43) }),
    introspection: (pair) => live.introspect(pair, 'x'),
    revocation: (pair) => live.revoke(pair, 'x'),
    'the management API': (_, text) => live.api('GET', '/v1/me', text),
    'the management API, by x-api-key': (_, text) => live.get('/v1/api-keys', { 'x-api-key': text }),
    'introspection of it': (_, text) => live.introspect(tenant.keys.live, text),
    'the leak endpoint, which has nothing to kill': (_, text) => live.form('/oauth/leaked', { token: text }),
  }

  test.each(Object.entries(DOORS))('%s: one answer for all, headers included [attack 82]', async (door, request) => {
    const all = await worthless()
    const shapes: [string, object][] = []
    for (const [why, { client_id, client_secret }, text] of all) {
      shapes.push([why, shapeOf(await request({ client_id, client_secret }, text))])
    }
    const [[, first]] = shapes as [[string, object]]
    expect(shapes).toEqual(all.map(([why]) => [why, first]))
    // A good one is told apart, so that the above says something.
    const good = await create('/v1/api-keys', { kind: 'standard', name: 'good' })
    if (door !== 'revocation') expect(shapeOf(await request(good, good.api_key))).not.toEqual(first)
  })

  test('service tokens: unknown, of another secret, revoked, deleted [attack 82]', async () => {
    const user = await create('/v1/service-users', { name: 'u', role: 'viewer' })
    const issue = () => create(`/v1/service-users/${user.id}/tokens`, { name: 't' })
    const [wrong, revoked, deleted] = [await issue(), await issue(), await issue()]
    await admin('POST', `/v1/service-tokens/${revoked.id}/revoke`)
    await admin('DELETE', `/v1/service-tokens/${deleted.id}`)
    const idOf = (token: string) => token.split('_')[2] as string
    const texts = [
      newServiceToken('live', newPublicId()),
      newServiceToken('live', idOf(wrong.service_token)),
      ...[revoked.service_token, deleted.service_token],
    ]
    const shapes: ReturnType<typeof shapeOf>[] = []
    for (const text of texts) shapes.push(shapeOf(await live.api('GET', '/v1/me', text)))
    expect(shapes).toEqual(texts.map(() => shapes[0]))
    expect(shapes[0]?.status).toBe(401)
  })

  describe('clients whose ids and secrets were chosen', () => {
    test('unknown, of another secret, inactive [attack 82]', async () => {
      const pair = () => ({ client_id: `chosen-${randomBytes(6).toString('hex')}`, client_secret: 'th1s-is-long!' })
      const [unknown, wrong, inactive] = [pair(), pair(), pair()]
      await create('/v1/api-clients', { ...wrong, permission: 'edit' })
      const { id } = await create('/v1/api-clients', { ...inactive, permission: 'edit' })
      expect((await admin('PATCH', `/v1/api-clients/${id}`, { status: 'inactive' })).status).toBe(200)
      const tried = [unknown, { ...wrong, client_secret: 'th1s-is-wrong!' }, inactive]
      const shapes: ReturnType<typeof shapeOf>[] = []
      for (const each of tried) shapes.push(shapeOf(await live.token(each)))
      for (const each of tried)
        shapes.push(shapeOf(await live.form('/oauth/token', { grant_type: 'client_credentials', ...each })))
      expect(shapes.map(({ status, text }) => [status, text])).toEqual(shapes.map(() => [401, shapes[0]?.text]))
      expect(shapes.slice(0, 3)).toEqual(tried.map(() => shapes[0]))
    })
  })
})
