import { exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose'
import { beforeAll, expect, test } from 'vitest'
import { describeDeployment, describeDeployments } from '../deployments.ts'
import { type Caller, startDeployment, type TestDeployment } from '../start.ts'
import { expectFields, expectProblem } from './problem.ts'

const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

type KeyPair = Awaited<ReturnType<typeof generateKeyPair>> & { readonly jwk: JWK }

const keyPair = async (alg: string, kid: string): Promise<KeyPair> => {
  const pair = await generateKeyPair(alg)
  return { ...pair, jwk: { ...(await exportJWK(pair.publicKey)), kid, alg } }
}

describeDeployments('private_key_jwt of a service user (RFC 7523 §2.2)', (open) => {
  let deployment: TestDeployment
  let live: Caller
  let there: Caller
  let key: string

  beforeAll(async () => {
    deployment = await startDeployment(open)
    live = deployment.nodes[0].at('live')
    there = deployment.nodes[1].at('live')
    key = deployment.made.live.api_key
  })

  const create = async (jwks: object | null, role = 'editor'): Promise<string> => {
    const { status, body } = await live.api('POST', '/v1/service-users', key, { name: 'robot', role, jwks })
    expect([status, body.jwks]).toEqual([201, jwks])
    return body.id
  }
  const change = (id: string, body: object) => live.api('PATCH', `/v1/service-users/${id}`, key, body)

  async function mint(id: string, { privateKey, jwk }: KeyPair) {
    const seconds = Math.floor(deployment.clock.now() / 1000)
    const assertion = await new SignJWT({ jti: crypto.randomUUID() })
      .setProtectedHeader({ alg: jwk.alg as string, kid: jwk.kid as string })
      .setIssuer(id)
      .setSubject(id)
      .setAudience(there.issuer)
      .setIssuedAt(seconds)
      .setExpirationTime(seconds + 60)
      .sign(privateKey)
    const form = {
      grant_type: 'client_credentials',
      client_assertion_type: ASSERTION_TYPE,
      client_assertion: assertion,
    }
    return there.form('/oauth/token', form)
  }
  const works = async (token: string) => (await there.api('GET', '/v1/me', token)).status === 200

  test.each(['ES256', 'PS256', 'EdDSA'])('%s: it mints a token by its role, with no secret anywhere', async (alg) => {
    const pair = await keyPair(alg, 'one')
    const id = await create({ keys: [pair.jwk] })
    const { status, body } = await mint(id, pair)
    expect(status).toBe(200)
    const me = await there.api('GET', '/v1/me', body.access_token)
    expect(me.body).toMatchObject({ client: { client_id: id }, scopes: expect.arrayContaining(['apps:write']) })
    expect(me.body.scopes).not.toContain('tenant:write')
    expect((await mint(id, await keyPair(alg, 'one'))).body.error).toBe('invalid_client')
  })

  test('rotated without a break: both keys, then the new one; the old one and its tokens are dead', async () => {
    const [old, next] = [await keyPair('ES256', 'old'), await keyPair('ES256', 'next')]
    const id = await create({ keys: [old.jwk] })
    const before = (await mint(id, old)).body.access_token
    expect((await change(id, { jwks: { keys: [old.jwk, next.jwk] } })).status).toBe(200)
    expect([(await mint(id, old)).status, (await mint(id, next)).status]).toEqual([200, 200])
    expect(await works(before)).toBe(true)
    expect((await change(id, { jwks: { keys: [next.jwk] } })).status).toBe(200)
    expect([(await mint(id, old)).status, (await mint(id, next)).status]).toEqual([401, 200])
    expect(await works(before)).toBe(false)
  })

  test('without keys it can’t', async () => {
    const pair = await keyPair('ES256', 'one')
    const id = await create(null)
    expect((await mint(id, pair)).body.error).toBe('invalid_client')
    await change(id, { jwks: { keys: [pair.jwk] } })
    expect((await mint(id, pair)).status).toBe(200)
    expect((await change(id, { jwks: null })).body.jwks).toBeNull()
    expect((await mint(id, pair)).body.error).toBe('invalid_client')
  })

  test('a lesser role takes the tokens of the greater one along; a greater one takes none [attack 22]', async () => {
    const pair = await keyPair('ES256', 'one')
    const id = await create({ keys: [pair.jwk] })
    const token = (await mint(id, pair)).body.access_token
    expect((await change(id, { role: 'admin', name: 'Robot' })).body).toMatchObject({ role: 'admin', name: 'Robot' })
    expect(await works(token)).toBe(true)
    expect((await change(id, { role: 'viewer' })).status).toBe(200)
    expect(await works(token)).toBe(false)
    const { scope } = (await mint(id, pair)).body
    expect(scope).not.toContain('apps:write')
  })

  test('a service token of it follows its role', async () => {
    const id = await create(null, 'admin')
    const made = await live.api('POST', `/v1/service-users/${id}/tokens`, key, { name: 't' })
    const post = () => there.api('POST', '/v1/service-users', made.body.service_token, { name: 'u', role: 'viewer' })
    expect((await post()).status).toBe(201)
    await change(id, { role: 'viewer' })
    expectProblem(await post(), 403, 'insufficient_scope', { scope: 'service-users:write' })
  })
})

describeDeployment('database', 'PATCH /v1/service-users', (open) => {
  let live: Caller
  let key: string

  beforeAll(async () => {
    const { nodes, made } = await startDeployment(open)
    live = nodes[0].at('live')
    key = made.live.api_key
  })

  const user = async (role: string): Promise<{ id: string; path: string }> => {
    const { id } = (await live.api('POST', '/v1/service-users', key, { name: 'robot', role })).body
    return { id, path: `/v1/service-users/${id}` }
  }

  test('changes what is named, and the log says what', async () => {
    const { id, path } = await user('viewer')
    const team = (await live.api('POST', '/v1/teams', key, { name: 'ops' })).body.id
    const body = { name: 'Robot', description: 'nightly', teams: [team] }
    expect((await live.api('PATCH', path, key, body)).body).toMatchObject({ id, role: 'viewer', ...body })
    expect((await live.api('PATCH', path, key, { description: null })).body).toMatchObject({ description: null })
    expect((await live.api('PATCH', path, key, {})).status).toBe(200)
    const { data } = (await live.api('GET', `/v1/audit-logs?target=${id}`, key)).body
    expect(data.map(({ details }: { details: { changed?: string[] } }) => details.changed)).toEqual([
      ['description'],
      ['name', 'description', 'teams'],
      undefined,
    ])
  })

  test.each([
    ['name', ' '],
    ['role', 'owner'],
    ['teams', Array(51).fill('team')],
    ['client_id', 'su_mine'],
    ['client_secret', 'x'],
  ])('%s: refused', async (field, value) => {
    expectFields(await live.api('PATCH', (await user('viewer')).path, key, { [field]: value }), `/${field}`)
  })

  test('neither a role beyond the changer’s, nor a change to one who has more', async () => {
    const weak = (
      await live.api('POST', '/v1/api-keys', key, {
        ...{ kind: 'standard', name: 'k' },
        scopes: ['service-users:write', ...(await live.api('GET', '/v1/me', key)).body.scopes.filter(isRead)],
      })
    ).body.api_key
    const scope = expect.stringMatching(/:/)
    const viewer = await user('viewer')
    expect((await live.api('PATCH', viewer.path, weak, { name: 'mine' })).status).toBe(200)
    expectProblem(await live.api('PATCH', viewer.path, weak, { role: 'editor' }), 403, 'insufficient_scope', { scope })
    for (const body of [{ jwks: null }, { role: 'viewer' }, { name: 'mine' }]) {
      const refused = await live.api('PATCH', (await user('admin')).path, weak, body)
      expectProblem(refused, 403, 'insufficient_scope', { scope })
    }
  })

  test('not found', async () => {
    const { id } = (await live.api('GET', '/v1/api-keys', key)).body.data[0]
    for (const other of [id, 'su_aaaaaaaaaaaa', 'x', '%00']) {
      expectProblem(await live.api('PATCH', `/v1/service-users/${other}`, key, { name: 'x' }), 404, 'not_found')
    }
  })
})

const isRead = (scope: string): boolean => scope.endsWith(':read')
