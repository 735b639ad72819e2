import { beforeAll, describe, expect, test } from 'vitest'
import { describeDeployment, describeDeployments } from '../deployments.ts'
import { type Caller, startDeployment, type TestDeployment } from '../start.ts'
import { createTenant, type TestKey } from '../tenants.ts'
import { expectFields, expectProblem } from './problem.ts'

/** The second after many of the first: who knows the right secret isn't held up. */
const REFUSED = [401, 429]

interface MadeKey extends TestKey {
  readonly id: string
}

// seeds: knoxcall-oauth-and-api-keys ("Key Rotation Procedure … zero-downtime rotation"), knock-api-keys ("rotate keys without downtime")
describeDeployments('rotating a key', (open) => {
  let deployment: TestDeployment
  let live: Caller
  let there: Caller
  let admin: string

  beforeAll(async () => {
    deployment = await startDeployment(open)
    live = deployment.nodes[0].at('live')
    there = deployment.nodes[1].at('live')
    admin = deployment.made.live.api_key
  })

  const create = async (more: object = {}): Promise<MadeKey> =>
    (await live.api('POST', '/v1/api-keys', admin, { kind: 'standard', name: 'rotating', ...more })).body
  const rotate = (id: string, body: object = {}) => live.api('POST', `/v1/api-keys/${id}/rotate`, admin, body)
  const rotated = async (id: string, overlap = 0): Promise<MadeKey> => {
    const response = await rotate(id, { overlap_seconds: overlap })
    expect(response.status).toBe(200)
    return response.body
  }
  /** On both nodes: whether the key itself is good, whether it mints. */
  const works = async (key: TestKey) => {
    const answers = await Promise.all(
      [live, there].flatMap((node) => [node.api('GET', '/v1/me', key.api_key), node.token(key)]),
    )
    const statuses = new Set(answers.map(({ status }) => status))
    expect([...statuses]).toHaveLength(1)
    return statuses.has(200)
  }
  const isActive = async (token: string) => {
    const caller = deployment.made.live
    const answers = await Promise.all([live.introspect(caller, token), there.introspect(caller, token)])
    expect(answers[0]?.body.active).toBe(answers[1]?.body.active)
    return answers[0]?.body.active
  }
  const tokenOf = async (key: TestKey): Promise<string> => (await there.token(key)).body.access_token
  const secretsOf = async (id: string) => (await there.api('GET', `/v1/api-keys/${id}`, admin)).body.secrets

  test('the same id, a new secret, shown this once', async () => {
    const before = await create()
    const after = await rotated(before.id)
    expect(after).toMatchObject({ id: before.id, client_id: before.client_id, status: 'active', name: 'rotating' })
    expect(after.client_secret).not.toBe(before.client_secret)
    expect(after.api_key).toBe(`${before.api_key.slice(0, -49)}${after.client_secret}`)
    const shown = await live.api('GET', `/v1/api-keys/${before.id}`, admin)
    expect(shown.text).not.toContain(after.client_secret)
    const { api_key: _, client_secret: __, ...record } = after
    expect(shown.body).toEqual(record)
    const { data } = (await live.api('GET', `/v1/audit-logs?target=${before.id}&action=api_key.rotated`, admin)).body
    expect(data[0]).toMatchObject({ details: { name: 'rotating', old_until: null } })
    expect(JSON.stringify(data)).not.toContain(after.client_secret)
  })

  test('without an overlap the old secret and what was minted are dead at once, on every node [attack 10]', async () => {
    const before = await create()
    const token = await tokenOf(before)
    expect([await works(before), await isActive(token)]).toEqual([true, true])
    const after = await rotated(before.id)
    expect([await works(before), await works(after), await isActive(token)]).toEqual([false, true, false])
    expect(await isActive(await tokenOf(after))).toBe(true)
    expect(await secretsOf(before.id)).toHaveLength(1)
  })

  test('with one both are good, each with its own end and last use, until it is over [attack 10]', async () => {
    const before = await create()
    const token = await tokenOf(before)
    deployment.clock.advance(1)
    const after = await rotated(before.id, 600)
    const end = new Date(deployment.clock.now() + 600_000).toISOString()
    expect([await works(before), await works(after), await isActive(token)]).toEqual([true, true, true])
    expect(await secretsOf(before.id)).toMatchObject([{ expires_at: null }, { expires_at: end }])

    deployment.clock.advance(599_999)
    expect(await works(before)).toBe(true)
    await deployment.flushUsage()
    deployment.clock.advance(1)
    expect([await works(before), await works(after), await isActive(token)]).toEqual([false, true, true])
    expect(await secretsOf(before.id)).toMatchObject([
      { expires_at: null, last_used_at: expect.stringMatching(/:00\.000Z$/) },
    ])
  })

  test('two live secrets at most: rotated again, the oldest ends at once', async () => {
    const first = await create()
    const second = await rotated(first.id, 600)
    const third = await rotated(first.id, 600)
    expect([await works(first), await works(second), await works(third)]).toEqual([false, true, true])
    const fourth = await rotated(first.id)
    expect([await works(second), await works(third), await works(fourth)]).toEqual([false, false, true])
  })

  test('any number of rotations at once leave two secrets, and those are good', async () => {
    const { id } = await create()
    const answers = await Promise.all(Array.from({ length: 4 }, () => rotated(id, 600)))
    expect(await secretsOf(id)).toHaveLength(2)
    const good = await Promise.all(answers.map(works))
    expect(good.filter(Boolean)).toHaveLength(2)
  })

  test('an early end: the old secret and what was minted are dead, asked again it is what it is', async () => {
    const before = await create()
    const after = await rotated(before.id, 600)
    const token = await tokenOf(before)
    for (const _ of ['once', 'again']) {
      const { status, body } = await live.api('POST', `/v1/api-keys/${before.id}/end-overlap`, admin)
      expect([status, body.secrets.length, body.status]).toEqual([200, 1, 'active'])
      expect([await works(before), await works(after), await isActive(token)]).toEqual([false, true, false])
    }
    expect(await isActive(await tokenOf(after))).toBe(true)
    const { data } = (await live.api('GET', `/v1/audit-logs?target=${before.id}&action=api_key.overlap_ended`, admin))
      .body
    expect(data).toHaveLength(1)
  })

  test('an overlap that is over by itself has no early end: the tokens of the new secret live on', async () => {
    const { id } = await create()
    const after = await rotated(id, 60)
    const token = await tokenOf(after)
    deployment.clock.advance(60_000)
    expect((await live.api('POST', `/v1/api-keys/${id}/end-overlap`, admin)).status).toBe(200)
    expect(await isActive(token)).toBe(true)
  })

  test('what was counted of a secret that ended stays', async () => {
    const before = await create()
    await works(before)
    await rotated(before.id)
    await deployment.flushUsage()
    const { data } = (await live.api('GET', `/v1/api-keys/${before.id}/usage`, admin)).body
    expect(data.at(-1).count).toBe(4)
  })

  // seed: knoxcall-oauth-and-api-keys ("Both the old and new keys will work simultaneously until you revoke the old one")
  test('or by a new key beside the old', async () => {
    const [old, fresh] = [await create(), await create()]
    expect([await works(old), await works(fresh)]).toEqual([true, true])
    await live.api('DELETE', `/v1/api-keys/${old.id}`, admin)
    expect([await works(old), await works(fresh)]).toEqual([false, true])
  })

  // Must hold: key rotation with and without overlap under load without a single failed request of the new secret.
  test.each([600, 0])('under load, overlap of %i s: no request of the new secret fails, anywhere', async (overlap) => {
    const first = await create()
    let current = { key: first, generation: 0 }
    let begun = 0
    let done = false
    let requests = 0
    const failures: string[] = []
    // A secret may be refused once the rotation that ends it has begun: the next, or with an overlap the one after that.
    const mayBeOver = ({ generation }: typeof current) => begun - generation >= (overlap ? 2 : 1)
    const load = async (node: Caller, minting: boolean) => {
      while (!done) {
        const used = current
        const { status, body } = await (minting ? node.token(used.key) : node.api('GET', '/v1/me', used.key.api_key))
        requests += 1
        const isRefused = REFUSED.includes(status) && mayBeOver(used)
        if (status !== 200 && !isRefused) failures.push(`${status} ${JSON.stringify(body)}`)
        if (status !== 200 || !minting) continue
        const isDead = !(await node.introspect(deployment.made.live, body.access_token)).body.active
        if (isDead && (overlap || !mayBeOver(used))) failures.push('a token of the new secret is dead')
      }
    }
    const workers = Array.from({ length: 8 }, (_, each) => load(each % 4 < 2 ? live : there, each % 2 === 0))
    for (let round = 0; round < 12; round++) {
      const before = current.key
      begun += 1
      const after = await rotated(first.id, overlap)
      // The caller has it from here on.
      current = { key: after, generation: begun }
      expect((await there.token(after)).status).toBe(200)
      expect(overlap ? [200] : REFUSED).toContain((await there.token(before)).status)
    }
    done = true
    await Promise.all(workers)
    expect(failures).toEqual([])
    expect(requests).toBeGreaterThan(24)
  })
})

describeDeployment('database', 'rotating a key: what may not be', (open) => {
  let deployment: TestDeployment
  let live: Caller
  let admin: string

  beforeAll(async () => {
    deployment = await startDeployment(open)
    live = deployment.nodes[0].at('live')
    admin = deployment.made.live.api_key
  })

  const create = async (more: object = {}, by = admin): Promise<MadeKey> =>
    (await live.api('POST', '/v1/api-keys', by, { kind: 'standard', name: 'k', ...more })).body
  const rotate = (id: string, body: object = {}, by = admin) => live.api('POST', `/v1/api-keys/${id}/rotate`, by, body)

  test.each([-1, 604_801, 1.5, '60', null])('overlap_seconds: %s', async (overlap_seconds) => {
    expectFields(await rotate((await create()).id, { overlap_seconds }), '/overlap_seconds')
  })

  test('seven days are not too long', async () => {
    expect((await rotate((await create()).id, { overlap_seconds: 604_800 })).status).toBe(200)
  })

  test('revoked, expired and public keys have no next secret', async () => {
    const revoked = await create()
    await live.api('DELETE', `/v1/api-keys/${revoked.id}`, admin)
    const expired = await create({ expires_at: new Date(deployment.clock.now() + 1000).toISOString() })
    deployment.clock.advance(1000)
    for (const { id } of [revoked, expired, await create({ kind: 'public' })]) {
      expectProblem(await rotate(id), 409, 'conflict')
    }
  })

  test('of every kind it keeps its form', async () => {
    const enterprise = { kind: 'enterprise', scopes: ['api-keys:read'], expires_at: '2099-01-01T00:00:00Z' }
    const made = await create(enterprise)
    const after = (await rotate(made.id)).body
    expect(after.api_key).toMatch(/^AKE[A-Z2-7]{8,}_[0-9A-Za-z]{49}$/)
    expect(after).toMatchObject({ client_id: made.client_id, scopes: ['api-keys:read'], kind: 'enterprise' })
    const sandbox = deployment.nodes[0].at('test')
    const own = deployment.made.test.api_key
    const { id } = (await sandbox.api('POST', '/v1/api-keys', own, { kind: 'standard', name: 's' })).body
    expect((await sandbox.api('POST', `/v1/api-keys/${id}/rotate`, own, {})).body.api_key).toMatch(/^tk_test_/)
  })

  describe('power: the new secret is the key', () => {
    const scopes = ['api-keys:write', 'api-keys:read']

    test('a key that may only write keys gets no more by rotating one that has more', async () => {
      const writer = (await create({ scopes })).api_key
      const [full, other, same] = [
        await create(),
        await create({ scopes: ['members:write'] }),
        await create({ scopes }),
      ]
      for (const { id } of [full, other]) {
        for (const body of [{}, { overlap_seconds: 60 }]) {
          const response = await rotate(id, body, writer)
          expect([response.status, response.body.error]).toEqual([403, 'insufficient_scope'])
        }
      }
      expect((await live.token(full)).status).toBe(200)
      expect((await rotate(same.id, {}, writer)).status).toBe(200)
    })

    test('reading keys is not enough; nor is being another tenant, or the other mode', async () => {
      const { id, ...key } = await create()
      const reader = (await create({ scopes: ['api-keys:read'] })).api_key
      expectProblem(await rotate(id, {}, reader), 403, 'insufficient_scope', { scope: 'api-keys:write' })
      const stranger = (await createTenant(deployment)).keys.live.api_key
      for (const action of ['rotate', 'end-overlap']) {
        const body = action === 'rotate' ? {} : undefined
        expectProblem(await live.api('POST', `/v1/api-keys/${id}/${action}`, stranger, body), 404, 'not_found')
        const sandbox = deployment.nodes[0].at('test')
        const other = deployment.made.test.api_key
        expectProblem(await sandbox.api('POST', `/v1/api-keys/${id}/${action}`, other, body), 404, 'not_found')
      }
      expect((await live.token(key)).status).toBe(200)
    })

    test('a key may rotate itself, and is then the old one', async () => {
      const { id, api_key } = await create({ scopes })
      const after = (await rotate(id, {}, api_key)).body
      expect((await live.api('GET', '/v1/me', api_key)).status).toBe(401)
      expect((await live.api('GET', '/v1/me', after.api_key)).status).toBe(200)
    })
  })
})
