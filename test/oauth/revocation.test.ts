import { beforeAll, describe, expect, test } from 'vitest'
import { describeDeployments } from '../deployments.ts'
import { basic, type Caller, type Key, startDeployment, type TestDeployment } from '../start.ts'

type ApiKey = Key & { id: string; api_key: string }

describeDeployments('revocation', (open) => {
  let deployment: TestDeployment
  let here: Caller
  let there: Caller
  let key: Key & { api_key: string }

  beforeAll(async () => {
    deployment = await startDeployment(open)
    here = deployment.nodes[0].at('live')
    there = deployment.nodes[1].at('live')
    key = deployment.made.live
  })

  const newKey = async (more: object = {}): Promise<ApiKey> =>
    (await here.api('POST', '/v1/api-keys', key.api_key, { kind: 'standard', name: 'mortal', ...more })).body
  const isActive = async (at: Caller, token: string) => (await at.introspect(key, token)).body.active

  describe('RFC 7009', () => {
    test('§2.2: a revoked token is dead on every node, at the next request [attack 72]', async () => {
      const { access_token } = (await here.token(key)).body
      expect(await isActive(there, access_token)).toBe(true)
      const { status, text } = await here.revoke(key, access_token)
      expect([status, text]).toEqual([200, ''])
      expect(await isActive(there, access_token)).toBe(false)
      expect((await there.api('GET', '/v1/me', access_token)).status).toBe(401)
    })

    test('§2.2: 200 also for what is revoked already, unknown or malformed [attack 71]', async () => {
      const { access_token } = (await here.token(key)).body
      for (const token of [access_token, access_token, 'garbage', deployment.made.test.api_key]) {
        expect((await here.revoke(key, token)).status).toBe(200)
      }
      expect((await deployment.nodes[0].at('test').token(deployment.made.test)).status).toBe(200)
    })

    test("§2.1: another client's token lives on, and the caller is not told [attack 71]", async () => {
      const { access_token } = (await here.token(key)).body
      const other = await newKey()
      expect((await here.revoke(other, access_token)).status).toBe(200)
      expect(await isActive(there, access_token)).toBe(true)
    })

    test('§2.1: the client must authenticate, and token is REQUIRED', async () => {
      const { access_token } = (await here.token(key)).body
      expect((await here.form('/oauth/revoke', { token: access_token })).status).toBe(401)
      const missing = await here.form('/oauth/revoke', {}, { authorization: basic(key) })
      expect([missing.status, missing.body.error]).toEqual([400, 'invalid_request'])
      expect(await isActive(here, access_token)).toBe(true)
    })

    test('a key can end itself, and with it all that it minted', async () => {
      const own = await newKey({ scopes: ['api-keys:read'] })
      const { access_token } = (await here.token(own)).body
      expect((await here.revoke(own, own.api_key)).status).toBe(200)
      expect((await there.token(own)).status).toBe(401)
      expect(await isActive(there, access_token)).toBe(false)
    })

    test('a key without the power to can not end another', async () => {
      const [weak, victim] = [await newKey({ scopes: ['api-keys:read'] }), await newKey()]
      expect((await here.revoke(weak, victim.api_key)).status).toBe(200)
      expect((await there.token(victim)).status).toBe(200)
    })
  })

  test('DELETE /v1/api-keys/{id}: key and tokens dead on both nodes, warm caches or not; again: still', async () => {
    const mortal = await newKey()
    const tokens = await Promise.all([here.token(mortal), there.token(mortal), here.token(mortal)])
    for (const { body } of tokens) expect(await isActive(there, body.access_token)).toBe(true)

    expect((await here.api('DELETE', `/v1/api-keys/${mortal.id}`, key.api_key)).status).toBe(204)
    for (const at of [here, there]) {
      expect((await at.token(mortal)).body.error).toBe('invalid_client')
      expect((await at.api('GET', '/v1/me', mortal.api_key)).body.error).toBe('invalid_api_key')
      expect((await at.introspect(key, mortal.api_key)).body).toEqual({ active: false })
      for (const { body } of tokens) expect(await isActive(at, body.access_token)).toBe(false)
      for (const { body } of tokens) expect((await at.api('GET', '/v1/me', body.access_token)).status).toBe(401)
    }
    expect((await there.api('DELETE', `/v1/api-keys/${mortal.id}`, key.api_key)).status).toBe(204)
    const record = await there.api('GET', `/v1/api-keys/${mortal.id}`, key.api_key)
    expect(record.body).toMatchObject({ status: 'revoked', revoked_at: expect.any(String) })
  })

  test('200 revocations on one node are never seen stale on the other [attack 72]', async () => {
    const { body } = await here.api('POST', '/v1/api-keys', key.api_key, { kind: 'standard', name: 'minter' })
    const minted = await Promise.all(Array.from({ length: 200 }, () => there.token(body)))
    const stale: number[] = []
    for (const [at, { body: token }] of minted.entries()) {
      expect(await isActive(there, token.access_token)).toBe(true)
      await here.revoke(body, token.access_token)
      if (await isActive(there, token.access_token)) stale.push(at)
    }
    expect(stale).toEqual([])
  }, 60_000)

  test('while a key mints on both nodes, the moment its revocation is answered nothing of it lives', async () => {
    const mortal = await newKey()
    const tokens: string[] = []
    let revoked = false
    const lateWins: string[] = []
    const mint = async (at: Caller) => {
      for (;;) {
        const startedAfter = revoked
        const { status, body } = await at.token(mortal)
        if (status !== 200) return
        tokens.push(body.access_token)
        if (startedAfter) lateWins.push(body.access_token)
      }
    }
    const minting = [mint(here), mint(there), mint(there)]
    while (tokens.length < 20) await here.introspect(key, 'garbage')
    await here.api('DELETE', `/v1/api-keys/${mortal.id}`, key.api_key)
    revoked = true
    await Promise.all(minting)
    expect(lateWins).toEqual([])
    const alive = await Promise.all(tokens.map((token) => isActive(there, token)))
    expect(alive).not.toContain(true)
  })

  test('service tokens: revoked, restored, deleted; each at the next request on the other node', async () => {
    const user = await here.api('POST', '/v1/service-users', key.api_key, { name: 'robot', role: 'viewer' })
    const issued = await here.api('POST', `/v1/service-users/${user.body.id}/tokens`, key.api_key, { name: 'one' })
    const { id, service_token } = issued.body
    const statusThere = async () => (await there.api('GET', '/v1/me', service_token)).status
    expect(await statusThere()).toBe(200)
    await here.api('POST', `/v1/service-tokens/${id}/revoke`, key.api_key)
    expect(await statusThere()).toBe(401)
    await here.api('POST', `/v1/service-tokens/${id}/restore`, key.api_key)
    expect(await statusThere()).toBe(200)
    await here.api('DELETE', `/v1/service-tokens/${id}`, key.api_key)
    expect(await statusThere()).toBe(401)
  })
})
