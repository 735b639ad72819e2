import { beforeAll, describe, expect, test } from 'vitest'
import { describeDeployments } from '../deployments.ts'
import { basic, type Caller, type Key, startDeployment, type TestDeployment } from '../start.ts'
import { createProver } from './prover.ts'

/**
 * A client that a node remembers is served by the plain way, and one that it has never seen by the whole pipeline:
 * the first and the second request of a client must be answered alike.
 */
describeDeployments('the plain way answers as the whole pipeline does', (open) => {
  let deployment: TestDeployment
  let here: Caller
  let there: Caller

  beforeAll(async () => {
    deployment = await startDeployment(open)
    here = deployment.nodes[0].at('live')
    there = deployment.nodes[1].at('live')
    const resource = { identifier: 'https://orders.example', name: 'Orders', scopes: ['orders:read', 'orders:write'] }
    expect((await here.api('POST', '/v1/resources', deployment.made.live.api_key, resource)).status).toBe(201)
  })

  const admin = () => deployment.made.live.api_key
  async function createKey(more: object = {}): Promise<Key & { id: string }> {
    const { status, body } = await here.api('POST', '/v1/api-keys', admin(), { kind: 'standard', name: 'k', ...more })
    expect(status).toBe(201)
    return body
  }

  /** What differs from token to token is left out. */
  async function minted(key: Key, form: Record<string, string>) {
    const { status, body, headers } = await here.token(key, form)
    const { access_token, ...rest } = body
    const { date: _, 'x-request-id': __, ...others } = headers
    return { token: access_token as string, answer: { status, rest, others } }
  }

  async function shown(caller: Key, token: string) {
    const { status, body } = await here.introspect(caller, token)
    const { iat, exp, jti: _, ...rest } = body
    return { status, ...rest, life: exp - iat }
  }

  test.each<[string, Record<string, string>, object]>([
    ['all that it has', {}, {}],
    ['a scope', { scope: 'api-keys:read' }, {}],
    ['a scope twice', { scope: 'api-keys:read api-keys:read' }, {}],
    ['a scope that it lacks', { scope: 'planets:move' }, {}],
    ['another resource', { resource: 'https://orders.example' }, {}],
    ['a scope of another resource', { resource: 'https://orders.example', scope: 'orders:read' }, {}],
    ['an unknown resource', { resource: 'https://nowhere.example' }, {}],
    ['a life of its own', {}, { token_validity: 300 }],
    ['a narrow key', {}, { scopes: ['audit-logs:read'] }],
    ['a narrow key that wants more', { scope: 'api-keys:write' }, { scopes: ['audit-logs:read'] }],
    ['a parameter that nobody knows', { unknown: 'x', scope: 'api-keys:read' }, {}],
  ])('%s', async (_, form, key) => {
    const client = await createKey(key)
    const whole = await minted(client, form)
    const plain = await minted(client, form)
    expect(plain.answer).toEqual(whole.answer)
    if (whole.answer.status !== 200) return
    expect(plain.token).toHaveLength(whole.token.length)
    const [cold, warm] = await Promise.all([createKey(), createKey()])
    await here.token(warm)
    expect(await shown(warm, plain.token)).toEqual(await shown(cold, whole.token))
    expect(await shown(warm, whole.token)).toMatchObject({ status: 200, active: true })
  })

  test.each<[string, (key: Key) => [Record<string, string>, Record<string, string>]]>([
    ['by the header', (key) => [{}, { authorization: basic(key) }]],
    ['in the body', ({ client_id, client_secret }) => [{ client_id, client_secret }, {}]],
    ['by the header, with its name', (key) => [{ client_id: key.client_id }, { authorization: basic(key) }]],
    ["by the header, with another's name", (key) => [{ client_id: 'tk_aaaaaaaaaaaa' }, { authorization: basic(key) }]],
    [
      'in both',
      (key) => [{ client_id: key.client_id, client_secret: key.client_secret }, { authorization: basic(key) }],
    ],
    ['by two methods', (key) => [{ client_assertion: 'a.b.c' }, { authorization: basic(key) }]],
  ])('a client that shows itself %s is answered as it was the first time', async (_, shown) => {
    const key = await createKey()
    const [form, headers] = shown(key)
    const ask = async () => {
      const { status, body } = await here.form('/oauth/token', { grant_type: 'client_credentials', ...form }, headers)
      const { access_token: _, ...rest } = body
      return { status, rest }
    }
    const first = await ask()
    await here.token(key)
    expect(await ask()).toEqual(first)
    expect(await ask()).toEqual(first)
  })

  describe('once something has changed on another node, it is not what is remembered', () => {
    test('a key that was narrowed', async () => {
      const key = await createKey()
      const before = (await here.token(key)).body
      expect(before.scope.split(' ')).toContain('api-keys:write')
      const narrowed = { scopes: ['audit-logs:read'] }
      expect((await there.api('PATCH', `/v1/api-keys/${key.id}`, admin(), narrowed)).status).toBe(200)
      expect((await here.token(key)).body.scope).toBe('audit-logs:read')
      expect((await here.token(key, { scope: 'api-keys:write' })).body.error).toBe('invalid_scope')
    })

    test('a key that was revoked: neither it nor what it minted, nor may it ask', async () => {
      const [key, witness] = await Promise.all([createKey(), createKey()])
      const { access_token: token } = (await here.token(key)).body
      const { access_token: other } = (await here.token(witness)).body
      expect((await here.introspect(key, other)).body.active).toBe(true)
      expect((await here.introspect(witness, token)).body.active).toBe(true)
      expect((await there.api('DELETE', `/v1/api-keys/${key.id}`, admin())).status).toBe(204)
      expect((await here.introspect(witness, token)).body).toEqual({ active: false })
      expect((await here.introspect(key, other)).status).toBe(401)
      expect((await here.token(key)).status).toBe(401)
    })

    test('a token that was revoked', async () => {
      const key = await createKey()
      const { access_token: token } = (await here.token(key)).body
      expect((await here.introspect(key, token)).body.active).toBe(true)
      expect((await there.revoke(key, token)).status).toBe(200)
      expect((await here.introspect(key, token)).body).toEqual({ active: false })
    })

    test('a key that must prove possession from now on', async () => {
      const key = await createKey()
      await here.token(key)
      expect((await there.api('PATCH', `/v1/api-keys/${key.id}`, admin(), { require_dpop: true })).status).toBe(200)
      expect((await here.token(key)).body.error).toBe('invalid_dpop_proof')
      const prover = await createProver(deployment.clock.now)
      const dpop = await prover.prove('POST', `${here.issuer}/oauth/token`)
      expect((await here.token(key, {}, { dpop })).body.token_type).toBe('DPoP')
    })
  })

  test('every mint of both ways has one entry, and what the stale copy gave to nobody has another', async () => {
    const key = await createKey()
    for (let each = 0; each < 3; each++) expect((await here.token(key)).status).toBe(200)
    expect((await there.api('PATCH', `/v1/api-keys/${key.id}`, admin(), { scopes: ['audit-logs:read'] })).status).toBe(
      200,
    )
    expect((await here.token(key)).status).toBe(200)
    const { data } = (await here.api('GET', `/v1/audit-logs?actor=${key.id}`, admin())).body
    const actions = data.map(({ action }: { action: string }) => action).sort()
    expect(actions).toEqual(['token.discarded', ...Array(5).fill('token.minted')])
  })
})
