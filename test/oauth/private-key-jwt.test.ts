import { exportJWK, exportSPKI, generateKeyPair, type JWK, type JWTPayload, SignJWT } from 'jose'
import { beforeAll, describe, expect, test } from 'vitest'
import { describeDeployments } from '../deployments.ts'
import { basic, type Caller, startDeployment, type TestDeployment } from '../start.ts'
import { createProver } from './prover.ts'

const TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

describeDeployments('private_key_jwt (RFC 7523 §2.2)', (open) => {
  let deployment: TestDeployment
  let live: Caller
  let clientId: string
  let signer: Signer

  beforeAll(async () => {
    deployment = await startDeployment(open)
    live = deployment.nodes[0].at('live')
    signer = await createSigner('ES256')
    clientId = await serviceUser([signer.jwk])
  })

  async function serviceUser(keys: JWK[]): Promise<string> {
    const user = { name: 'robot', role: 'viewer', jwks: { keys } }
    const { status, body } = await live.api('POST', '/v1/service-users', deployment.made.live.api_key, user)
    expect(status).toBe(201)
    return body.client_id
  }

  const seconds = () => Math.floor(deployment.clock.now() / 1000)
  /** A claim that is undefined is left out. */
  type Claims = { [name in keyof JWTPayload]: JWTPayload[name] | undefined }
  const claims = (change: Claims = {}) => ({
    ...{ iss: clientId, sub: clientId, aud: live.issuer, jti: crypto.randomUUID() },
    ...{ iat: seconds(), exp: seconds() + 60, ...change },
  })
  const assert = (client_assertion: string, form: object = {}, at: Caller = live) =>
    at.form('/oauth/token', {
      ...{ grant_type: 'client_credentials', client_assertion, client_assertion_type: TYPE, ...form },
    } as never)
  const errorOf = async (request: ReturnType<typeof assert>) => {
    const { status, body } = await request
    return [status, body.error]
  }

  test.each(['ES256', 'PS256', 'EdDSA'])('with %s a service user gets a token for what its role has', async (alg) => {
    const own = await createSigner(alg)
    const id = await serviceUser([own.jwk])
    const { status, body } = await assert(await own.sign(claims({ iss: id, sub: id })), { scope: 'api-keys:read' })
    expect([status, body.token_type, body.scope]).toEqual([200, 'Bearer', 'api-keys:read'])
    expect((await live.introspect(deployment.made.live, body.access_token)).body).toMatchObject({ client_id: id })
    const beyond = await assert(await own.sign(claims({ iss: id, sub: id })), { scope: 'api-keys:write' })
    expect(beyond.body.error).toBe('invalid_scope')
  })

  test('RFC 9864 §2.2: a key registered as EdDSA may sign as Ed25519', async () => {
    const own = await createSigner('EdDSA')
    const id = await serviceUser([own.jwk])
    const named = await own.sign(claims({ iss: id, sub: id }), { alg: 'Ed25519' })
    expect((await assert(named)).status).toBe(200)
  })

  test('FAPI 2.0: with a DPoP proof the token is bound', async () => {
    const prover = await createProver(deployment.clock.now)
    const dpop = await prover.prove('POST', `${live.issuer}/oauth/token`)
    const form = { grant_type: 'client_credentials', client_assertion_type: TYPE }
    const client_assertion = await signer.sign(claims())
    const { body } = await live.form('/oauth/token', { ...form, client_assertion }, { dpop })
    expect(body.token_type).toBe('DPoP')
  })

  test('RFC 7521 §4.2: client_id may be sent along, and must be the same', async () => {
    expect((await assert(await signer.sign(claims()), { client_id: clientId })).status).toBe(200)
    expect(await errorOf(assert(await signer.sign(claims()), { client_id: 'su_aaaaaaaaaaaa' }))).toEqual([
      401,
      'invalid_client',
    ])
  })

  test('it serves at introspection and revocation as well', async () => {
    const form = async () => ({
      ...{ token: 'x', client_assertion: await signer.sign(claims()), client_assertion_type: TYPE },
    })
    expect((await live.form('/oauth/introspect', await form())).body).toEqual({ active: false })
    expect((await live.form('/oauth/revoke', await form())).status).toBe(200)
  })

  describe('is refused', () => {
    test.each<[string, () => Claims]>([
      ['RFC 7523 §3 (1): another issuer', () => ({ iss: 'su_aaaaaaaaaaaa' })],
      ['RFC 7523 §3 (2): no subject', () => ({ sub: undefined })],
      ['RFC 7523 §3 (2): another subject', () => ({ sub: 'su_aaaaaaaaaaaa' })],
      ['RFC 7523 §3 (3): no audience', () => ({ aud: undefined })],
      ['another server as the audience', () => ({ aud: 'https://other.example' })],
      ['the token endpoint as the audience', () => ({ aud: `${live.issuer}/oauth/token` })],
      ['an audience among several', () => ({ aud: ['https://other.example', live.issuer] })],
      ['the audience as a list of one', () => ({ aud: [live.issuer] })],
      ['RFC 7523 §3 (4): no expiry', () => ({ exp: undefined })],
      ['RFC 7523 §3 (4): expired', () => ({ exp: seconds() - 300 })],
      ['an expiry in ten years', () => ({ exp: seconds() + 10 * 365 * 24 * 3600 })],
      ['RFC 7523 §3 (5): not yet valid', () => ({ nbf: seconds() + 300 })],
      ['RFC 7523 §3 (6): issued in the future', () => ({ iat: seconds() + 300 })],
      ['issued long ago', () => ({ iat: seconds() - 3600 })],
      ['no jti', () => ({ jti: undefined })],
      ['an empty jti', () => ({ jti: '' })],
      ['an endless jti', () => ({ jti: 'x'.repeat(10_000) })],
    ])('what it says of itself: %s [attack 17, 18, 19]', async (_, change) => {
      expect(await errorOf(assert(await signer.sign(claims(change()))))).toEqual([401, 'invalid_client'])
    })

    test('alg none, HS256 with the public key, RS256 [attack 17]', async () => {
      const none = `${encode({ alg: 'none' })}.${encode(claims())}.`
      expect(await errorOf(assert(none))).toEqual([401, 'invalid_client'])
      const secret = new TextEncoder().encode(await exportSPKI(signer.publicKey))
      const confused = await new SignJWT(claims() as JWTPayload).setProtectedHeader({ alg: 'HS256' }).sign(secret)
      expect(await errorOf(assert(confused))).toEqual([401, 'invalid_client'])
      const rsa = await createSigner('RS256')
      const stored = { ...rsa.jwk, alg: 'PS256' }
      const id = await serviceUser([stored])
      expect(await errorOf(assert(await rsa.sign(claims({ iss: id, sub: id }))))).toEqual([401, 'invalid_client'])
    })

    test("another client's key, a key in the header, garbage", async () => {
      const other = await createSigner('ES256')
      expect(await errorOf(assert(await other.sign(claims())))).toEqual([401, 'invalid_client'])
      expect(await errorOf(assert(await other.sign(claims(), { jwk: other.jwk })))).toEqual([401, 'invalid_client'])
      expect(await errorOf(assert('garbage'))).toEqual([401, 'invalid_client'])
      expect(await errorOf(assert(`${encode({ alg: 'ES256' })}.${encode([])}.x`))).toEqual([401, 'invalid_client'])
    })

    test('RFC 7523 §3 (7): a second time, and of ten at once over two nodes one is accepted [attack 17]', async () => {
      const once = await signer.sign(claims())
      expect((await assert(once)).status).toBe(200)
      expect(await errorOf(assert(once, {}, deployment.nodes[1].at('live')))).toEqual([401, 'invalid_client'])
      const raced = await signer.sign(claims())
      const uses = Array.from({ length: 10 }, (_, at) => assert(raced, {}, deployment.nodes[at % 2 ? 1 : 0].at('live')))
      const statuses = (await Promise.all(uses)).map(({ status }) => status)
      expect(statuses.filter((status) => status === 200)).toHaveLength(1)
      // 429 once the failures of all tests above are too many for one network.
      expect(statuses.filter((status) => status === 401 || status === 429)).toHaveLength(9)
    })

    test('the other type, or none; with a secret beside it [attack 3]', async () => {
      const client_assertion = await signer.sign(claims())
      const saml = 'urn:ietf:params:oauth:client-assertion-type:saml2-bearer'
      expect(await errorOf(assert(client_assertion, { client_assertion_type: saml }))).toEqual([400, 'invalid_request'])
      expect(await errorOf(assert(client_assertion, { client_assertion_type: '' }))).toEqual([400, 'invalid_request'])
      expect(await errorOf(assert(client_assertion, { client_secret: 'x' }))).toEqual([400, 'invalid_request'])
      const form = { grant_type: 'client_credentials', client_assertion, client_assertion_type: TYPE }
      const beside = live.form('/oauth/token', form, { authorization: basic(deployment.made.live) })
      expect(await errorOf(beside)).toEqual([400, 'invalid_request'])
    })

    test('a client that has no keys', async () => {
      const { client_id } = deployment.made.live
      const forged = await signer.sign(claims({ iss: client_id, sub: client_id }))
      expect(await errorOf(assert(forged))).toEqual([401, 'invalid_client'])
    })

    test('a service user without an assertion', async () => {
      const bare = await live.form('/oauth/token', { grant_type: 'client_credentials', client_id: clientId })
      expect([bare.status, bare.body.error]).toEqual([401, 'invalid_client'])
    })
  })

  test('a key that is taken away is dead at the next request, on both nodes', async () => {
    const own = await createSigner('ES256')
    const id = await serviceUser([own.jwk])
    const sign = () => own.sign(claims({ iss: id, sub: id }))
    expect((await assert(await sign(), {}, deployment.nodes[1].at('live'))).status).toBe(200)
    const path = `/v1/service-users/${id}`
    const { status } = await live.api('PATCH', path, deployment.made.live.api_key, { jwks: null })
    expect(status).toBe(200)
    for (const node of deployment.nodes) {
      expect(await errorOf(assert(await sign(), {}, node.at('live')))).toEqual([401, 'invalid_client'])
    }
  })
})

const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')

type Signer = Awaited<ReturnType<typeof createSigner>>

async function createSigner(alg: string) {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true })
  const jwk = { ...(await exportJWK(publicKey)), alg }
  return {
    ...{ jwk, publicKey },
    sign: (claims: object, header: object = {}) =>
      new SignJWT(claims as JWTPayload).setProtectedHeader({ alg, ...header }).sign(privateKey),
  }
}
