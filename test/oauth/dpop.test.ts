import { createHash } from 'node:crypto'
import { calculateJwkThumbprint, exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose'
import { beforeAll, describe, expect, test } from 'vitest'
import { describeDeployments } from '../deployments.ts'
import { type Caller, type Key, startDeployment, type TestDeployment } from '../start.ts'

/** A client's key pair, and proofs made with it. */
async function createProver(now: () => number, alg = 'ES256') {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true })
  const jwk = await exportJWK(publicKey)
  return {
    jkt: await calculateJwkThumbprint(jwk),
    async prove(htm: string, htu: string, claims: JWTPayload = {}, header: object = {}) {
      const payload = { htm, htu, iat: Math.floor(now() / 1000), jti: crypto.randomUUID(), ...claims }
      return new SignJWT(payload).setProtectedHeader({ alg, typ: 'dpop+jwt', jwk, ...header }).sign(privateKey)
    },
  }
}

const ath = (token: string): string => createHash('sha256').update(token).digest('base64url')

describeDeployments('DPoP (RFC 9449)', (open) => {
  let deployment: TestDeployment
  let live: Caller
  let key: Key & { api_key: string }
  let prover: Awaited<ReturnType<typeof createProver>>
  const mint = async (proof: string) => live.token(key, { scope: 'api-keys:read' }, { dpop: proof })
  const me = (authorization: string, dpop?: string) =>
    live.get('/v1/me', { authorization, ...(dpop !== undefined && { dpop }) })

  beforeAll(async () => {
    deployment = await startDeployment(open)
    live = deployment.nodes[0].at('live')
    key = deployment.made.live
    prover = await createProver(deployment.clock.now)
  })

  describe('at the token endpoint', () => {
    const endpoint = () => `${live.issuer}/oauth/token`

    test('§5: the token is bound: token_type and cnf.jkt (§6.2)', async () => {
      const { status, body } = await mint(await prover.prove('POST', endpoint()))
      expect([status, body.token_type]).toEqual([200, 'DPoP'])
      const { body: introspected } = await live.introspect(key, body.access_token)
      expect(introspected).toMatchObject({ active: true, token_type: 'DPoP', cnf: { jkt: prover.jkt } })
    })

    test('§4.3 (9): query and fragment of htu are ignored, scheme and host in any case', async () => {
      const shouted = endpoint().replace('http://localhost', 'HTTP://LOCALHOST')
      expect((await mint(await prover.prove('POST', `${shouted}?a=b#c`))).status).toBe(200)
    })

    test.each([
      ['§4.3 (8): another method', { htm: 'GET' }, {}],
      ['§4.3 (9): another URL', { htu: 'https://other.example/oauth/token' }, {}],
      ['§4.3 (11): too old', { iat: 1 }, {}],
      ['§4.2: no jti', { jti: undefined }, {}],
      ['§4.2: no iat', { iat: undefined }, {}],
      ['§4.3 (4): another typ', {}, { typ: 'JWT' }],
      ['§4.3 (7): no key', {}, { jwk: undefined }],
    ])('%s: invalid_dpop_proof', async (_, claims, header) => {
      const { status, body } = await mint(await prover.prove('POST', endpoint(), claims as JWTPayload, header))
      expect([status, body.error]).toEqual([400, expect.stringMatching(/^(invalid_dpop_proof|use_dpop_nonce)$/)])
    })

    test('garbage, and two proofs at once', async () => {
      expect((await mint('garbage')).body.error).toBe('invalid_dpop_proof')
      const proof = await prover.prove('POST', endpoint())
      expect((await mint(`${proof}, ${proof}`)).body.error).toBe('invalid_dpop_proof')
    })

    test('§11.1: of ten uses at once over two nodes, one', async () => {
      const proof = await prover.prove('POST', endpoint())
      const uses = Array.from({ length: 10 }, (_, at) => {
        const node = deployment.nodes[at % 2 === 0 ? 0 : 1]
        return node.at('live').token(key, {}, { dpop: proof })
      })
      const answers = (await Promise.all(uses)).map(({ status, body }) => (status === 200 ? 200 : body.error))
      expect(answers.filter((answer) => answer === 200)).toHaveLength(1)
      expect(answers.filter((answer) => answer === 'invalid_dpop_proof')).toHaveLength(9)
    })

    test('a refused scope costs no token, whatever the proof', async () => {
      const dpop = await prover.prove('POST', endpoint())
      const { status, body } = await live.token(key, { scope: 'planets:destroy' }, { dpop })
      expect([status, body]).toEqual([
        400,
        expect.objectContaining({ error: 'invalid_scope', scope: 'planets:destroy' }),
      ])
    })

    test('a key that requires it gets nothing without', async () => {
      const wanted = { kind: 'standard', name: 'bound', require_dpop: true }
      const { body: bound } = await live.api('POST', '/v1/api-keys', key.api_key, wanted)
      const { status, body } = await live.token(bound)
      expect([status, body.error]).toEqual([400, 'invalid_dpop_proof'])
      const dpop = await prover.prove('POST', endpoint())
      expect((await live.token(bound, {}, { dpop })).body.token_type).toBe('DPoP')
      expect((await live.api('GET', '/v1/me', bound.api_key)).status).toBe(401)
    })
  })

  describe('at the management API (§7)', () => {
    let token: string
    const url = () => `${live.issuer}/v1/me`
    const proof = (claims: JWTPayload = {}) => prover.prove('GET', url(), { ath: ath(token), ...claims })

    beforeAll(async () => {
      token = (await mint(await prover.prove('POST', `${live.issuer}/oauth/token`))).body.access_token
    })

    test('§7.1: with the DPoP scheme, in any case, and a proof', async () => {
      expect((await me(`DPoP ${token}`, await proof())).status).toBe(200)
      expect((await me(`dpop ${token}`, await proof())).status).toBe(200)
    })

    test('§7.2: a bound token as a Bearer token is refused, with or without a proof', async () => {
      for (const dpop of [undefined, await proof()]) {
        const { status, headers } = await me(`Bearer ${token}`, dpop)
        expect(status).toBe(401)
        expect(headers['www-authenticate']).toMatch(/^DPoP /)
      }
    })

    test('without a proof; with another key; without ath; with another ath, method or URL; too old; from ahead', async () => {
      const thief = await createProver(deployment.clock.now)
      const seconds = Math.floor(deployment.clock.now() / 1000)
      const wrong = [
        undefined,
        await thief.prove('GET', url(), { ath: ath(token) }),
        await proof({ ath: undefined }),
        await proof({ ath: ath('other') }),
        await proof({ htm: 'POST' }),
        await proof({ htu: `${live.issuer}/v1/api-keys` }),
        await proof({ iat: seconds - 301 }),
        await proof({ iat: seconds + 301 }),
      ]
      for (const dpop of wrong) {
        const { status, body } = await me(`DPoP ${token}`, dpop)
        expect([status, body.error]).toEqual([401, 'invalid_api_key'])
      }
    })

    test('§11.1: a proof works once, on whichever node', async () => {
      const dpop = await proof()
      expect((await me(`DPoP ${token}`, dpop)).status).toBe(200)
      const again = deployment.nodes[1].at('live').get('/v1/me', { authorization: `DPoP ${token}`, dpop })
      expect((await again).status).toBe(401)
    })

    test('§11.1: one dated ahead is remembered for as long as it is good', async () => {
      const dpop = await proof({ iat: Math.floor(deployment.clock.now() / 1000) + 290 })
      expect((await me(`DPoP ${token}`, dpop)).status).toBe(200)
      deployment.clock.advance(310_000)
      expect((await me(`DPoP ${token}`, dpop)).status).toBe(401)
    })

    test('an unbound token with the DPoP scheme is refused', async () => {
      const { body } = await live.token(key)
      const dpop = await prover.prove('GET', url(), { ath: ath(body.access_token) })
      expect((await me(`DPoP ${body.access_token}`, dpop)).status).toBe(401)
    })
  })
})
