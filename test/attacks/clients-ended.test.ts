import { beforeAll, describe, expect, test } from 'vitest'
import { describeDeployments } from '../deployments.ts'
import { addApiClient } from '../management/api-clients.ts'
import { createPerson, makePersonalToken } from '../oauth/people.ts'
import { type Caller, type Key, startDeployment, type TestDeployment } from '../start.ts'
import { createTenant, setTenantStatus } from '../tenants.ts'

/** What a client is known by, asked of one node: whether each is still good for anything. */
interface Held {
  readonly pair?: Key
  readonly credential?: string
  readonly token?: string
}

describeDeployments('what is over, at nodes that have just said it is good', (open) => {
  let deployment: TestDeployment
  let nodes: readonly [Caller, Caller]
  let admin: string

  beforeAll(async () => {
    deployment = await startDeployment(open)
    nodes = [deployment.nodes[0].at('live'), deployment.nodes[1].at('live')]
    admin = deployment.made.live.api_key
  })

  const call = async (method: 'POST' | 'PATCH' | 'DELETE', path: string, body?: object) => {
    const response = await nodes[0].api(method, path, admin, body)
    expect(response.status, response.text).toBeLessThan(300)
    return response.body
  }
  const inSeconds = (seconds: number) => new Date(deployment.clock.now() + seconds * 1000).toISOString()
  const minting = (at: Caller, { client_id, client_secret }: Key) =>
    at.form('/oauth/token', { grant_type: 'client_credentials', client_id, client_secret })
  const minted = async (pair: Key): Promise<string> => (await minting(nodes[1], pair)).body.access_token

  /** At both nodes, by every door. */
  async function works({ pair, credential, token }: Held) {
    const seen = []
    for (const at of nodes) {
      if (pair) seen.push((await minting(at, pair)).status === 200)
      for (const bearer of [credential, token]) {
        if (bearer === undefined) continue
        seen.push((await at.api('GET', '/v1/me', bearer)).status === 200)
        seen.push((await at.introspect(deployment.made.live, bearer)).body.active === true)
      }
    }
    return new Set(seen)
  }

  async function expectOver(held: Held, end: () => PromiseLike<unknown>) {
    // Twice: the second answer comes from what the nodes have kept of the first.
    for (const _ of ['cold', 'warm']) expect(await works(held)).toEqual(new Set([true]))
    await end()
    for (const _ of ['at once', 'again']) expect(await works(held)).toEqual(new Set([false]))
  }

  const newKey = async (more: object = {}) => {
    const key = await call('POST', '/v1/api-keys', { kind: 'standard', name: 'k', ...more })
    return { id: key.id, pair: key as Key, credential: key.api_key as string, token: await minted(key) }
  }
  const newUser = async () => {
    const { id } = await call('POST', '/v1/service-users', { name: 'robot', role: 'viewer' })
    const token = await call('POST', `/v1/service-users/${id}/tokens`, { name: 't' })
    return { id, tokenId: token.id, credential: token.service_token as string }
  }
  const newApiClient = async () => {
    // Five may be active, and a tenant of its own has them to itself; it is asked about by one of that tenant.
    const tenant = await createTenant(deployment)
    const pair = await addApiClient(nodes[0], tenant.keys.live.api_key)
    return { id: pair.id, pair, token: await minted(pair), by: tenant.keys.live }
  }

  describe('by itself', () => {
    test('a key that is revoked [attack 8]', async () => {
      const key = await newKey()
      await expectOver(key, () => call('DELETE', `/v1/api-keys/${key.id}`))
    })

    test('a key that runs out by the clock, or earlier than it was to [attack 8, 12]', async () => {
      const ending = await newKey({ expires_at: inSeconds(60) })
      await expectOver(ending, async () => deployment.clock.advance(60_000))
      const shortened = await newKey({ expires_at: inSeconds(7200) })
      await call('PATCH', `/v1/api-keys/${shortened.id}`, { expires_at: inSeconds(60) })
      const token = await minted(shortened.pair)
      await expectOver({ ...shortened, token }, async () => deployment.clock.advance(60_000))
    })

    test('a key whose old secret is a second over its overlap [attack 10]', async () => {
      const key = await newKey()
      await call('POST', `/v1/api-keys/${key.id}/rotate`, { overlap_seconds: 60 })
      deployment.clock.advance(59_000)
      await expectOver({ pair: key.pair, credential: key.credential }, async () => deployment.clock.advance(2_000))
      // What it minted is the key's, whose new secret is good.
      expect(await works({ token: key.token })).toEqual(new Set([true]))
    })

    test('a key that was revoked has no way back [attack 9]', async () => {
      const key = await newKey()
      await call('DELETE', `/v1/api-keys/${key.id}`)
      const path = `/v1/api-keys/${key.id}`
      const tries = [
        nodes[0].api('POST', `${path}/restore`, admin),
        nodes[0].api('PATCH', path, admin, { status: 'active' }),
        nodes[0].api('PATCH', path, admin, { revoked_at: null }),
        nodes[0].api('PATCH', path, admin, { expires_at: null }),
        nodes[0].api('POST', `${path}/rotate`, admin, {}),
      ]
      expect((await Promise.all(tries)).map(({ status }) => status)).toEqual([404, 422, 422, 409, 409])
      expect(await works(key)).toEqual(new Set([false]))
    })
  })

  describe('by its owner', () => {
    test('a service user that is disabled, or gone [attack 8]', async () => {
      const disabled = await newUser()
      await expectOver(disabled, () => call('POST', `/v1/service-users/${disabled.id}/disable`))
      const gone = await newUser()
      await expectOver(gone, () => call('DELETE', `/v1/service-users/${gone.id}`))
    })

    test('a person who is removed [attack 8]', async () => {
      const person = await createPerson(deployment, { role: 'admin' })
      const { personal_access_token: credential } = await makePersonalToken(deployment, person)
      await expectOver({ credential }, () => call('DELETE', `/v1/members/${person.id}`))
    })

    test('a tenant that is paused [attack 8]', async () => {
      const { id, keys } = await createTenant(deployment)
      const token = await minted(keys.live)
      const asked = async () => {
        const answers = nodes.flatMap((at) => [
          minting(at, keys.live),
          at.api('GET', '/v1/me', keys.live.api_key),
          at.api('GET', '/v1/me', token),
          at.introspect(keys.live, token),
        ])
        return new Set((await Promise.all(answers)).map(({ status }) => status))
      }
      for (const _ of ['cold', 'warm']) expect(await asked()).toEqual(new Set([200]))
      await setTenantStatus(deployment, id, 'paused')
      expect(await asked()).toEqual(new Set([403]))
    })
  })

  describe('and comes back', () => {
    test('an API client that is active again: what it minted before is dead [attack 9]', async () => {
      const { id, pair, token, by } = await newApiClient()
      const switchTo = async (status: string) => {
        expect((await nodes[0].api('PATCH', `/v1/api-clients/${id}`, by.api_key, { status })).status).toBe(200)
      }
      const seen = async () => ({
        mints: await Promise.all(nodes.map(async (at) => (await minting(at, pair)).status)),
        knows: await Promise.all(nodes.map(async (at) => (await at.introspect(by, token)).body.active)),
      })
      expect(await seen()).toEqual({ mints: [200, 200], knows: [true, true] })
      await switchTo('inactive')
      expect(await seen()).toEqual({ mints: [401, 401], knows: [false, false] })
      await switchTo('active')
      expect(await seen()).toEqual({ mints: [200, 200], knows: [false, false] })
    })

    test('a service token that is restored is good at every node, and was not before [attack 9]', async () => {
      const { tokenId, credential } = await newUser()
      for (const _ of ['once', 'again']) {
        await expectOver({ credential }, () => call('POST', `/v1/service-tokens/${tokenId}/revoke`))
        await call('POST', `/v1/service-tokens/${tokenId}/restore`)
        expect(await works({ credential })).toEqual(new Set([true]))
      }
    })
  })
})
