import type { JWTPayload } from 'jose'
import type { Response } from 'supertest'
import { beforeAll, describe, expect, test } from 'vitest'
import { describeDeployments } from '../deployments.ts'
import { type Caller, type Key, startDeployment, type TestDeployment } from '../start.ts'
import { changeOf, createTenant } from '../tenants.ts'
import { ath, createProver, type Prover } from './prover.ts'

/** As an operator's command would. */
async function requireDpop({ storage, clock }: TestDeployment, tenantId: string): Promise<void> {
  const { database } = storage
  await database.tenant.update({ where: { id: tenantId }, data: { requireDpop: true } })
  const { ref } = await database.standing.findFirstOrThrow({ where: { tenantId, mode: 'live', kind: 'tenant' } })
  const actor = { type: 'operator' as const, id: 'test', name: 'a test' }
  const events = [{ action: 'tenant.changed' as const, target: { type: 'tenant' as const, id: tenantId }, details: {} }]
  const change = changeOf({ storage, clock })
  await change({ tenantId, mode: 'live' }, { actor }, async () => ({
    ...{ result: undefined, events, moved: [{ ref, kill: false }] },
  }))
}

describeDeployments('DPoP (RFC 9449)', (open) => {
  let deployment: TestDeployment
  let live: Caller
  let key: Key & { api_key: string }
  let prover: Prover
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

    test('§4.3 (9): query and fragment of htu are ignored, scheme and host in any case [attack 61]', async () => {
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

    test('§11.1: of ten uses at once over two nodes, one [attack 62, 65]', async () => {
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
    const proof = (claims: JWTPayload = {}, by = prover) => by.prove('GET', url(), { ath: ath(token), ...claims })
    const seconds = () => Math.floor(deployment.clock.now() / 1000)

    /** RFC 9449 §7.1: refused, and told how to do better. */
    const expectRefused = ({ status, body, headers }: Response, error: string) => {
      expect([status, body.error]).toEqual([401, 'invalid_api_key'])
      const challenge = headers['www-authenticate'] as string
      expect(challenge).toMatch(/^DPoP /)
      expect(challenge).toContain(` error="${error}"`)
      expect(challenge).toContain(' algs="ES256 EdDSA Ed25519 PS256"')
      expect(challenge).not.toContain('Bearer')
    }

    beforeAll(async () => {
      token = (await mint(await prover.prove('POST', `${live.issuer}/oauth/token`))).body.access_token
    })

    test('§7.1: with the DPoP scheme, in any case, and a proof', async () => {
      for (const scheme of ['DPoP', 'dpop', 'DPOP'])
        expect((await me(`${scheme} ${token}`, await proof())).status).toBe(200)
    })

    test('a token from before its tenant required DPoP is refused, until it is bound', async () => {
      const { id, keys } = await createTenant(deployment)
      const unbound = (await live.token(keys.live)).body.access_token
      expect((await me(`Bearer ${unbound}`)).status).toBe(200)
      await requireDpop(deployment, id)
      expectRefused(await me(`Bearer ${unbound}`), 'invalid_token')
      const dpop = await prover.prove('POST', `${live.issuer}/oauth/token`)
      const bound = (await live.token(keys.live, {}, { dpop })).body.access_token
      expect((await me(`DPoP ${bound}`, await proof({ ath: ath(bound) }))).status).toBe(200)
    })

    test('§7.2: a bound token as a Bearer token is refused, with or without a proof [attack 61]', async () => {
      for (const dpop of [undefined, await proof()]) expectRefused(await me(`Bearer ${token}`, dpop), 'invalid_token')
      expectRefused(await live.get('/v1/me', { 'x-api-key': token, dpop: await proof() }), 'invalid_token')
    })

    test('§4.3, §7.1: no proof, two, one without ath, with another ath, method or URL: invalid_dpop_proof [attack 61]', async () => {
      const wrong = [
        undefined,
        '',
        `${await proof()}, ${await proof()}`,
        await proof({ ath: undefined }),
        await proof({ ath: ath('other') }),
        await proof({ htm: 'POST' }),
        await proof({ htu: `${live.issuer}/v1/api-keys` }),
      ]
      for (const dpop of wrong) expectRefused(await me(`DPoP ${token}`, dpop), 'invalid_dpop_proof')
    })

    test('§4.3 (12): by another key than the token is bound to: invalid_token [attack 61]', async () => {
      const thief = await createProver(deployment.clock.now)
      expectRefused(await me(`DPoP ${token}`, await proof({}, thief)), 'invalid_token')
    })

    test('§9: too old or from ahead: use_dpop_nonce, and one retry with the nonce suffices on whichever node [attack 64]', async () => {
      for (const iat of [seconds() - 301, seconds() + 301, 1]) {
        const refused = await me(`DPoP ${token}`, await proof({ iat }))
        expectRefused(refused, 'use_dpop_nonce')
        expect(refused.headers['cache-control']).toBe('no-store')
        const dpop = await proof({ iat, nonce: refused.headers['dpop-nonce'] })
        const retried = await deployment.nodes[1].at('live').get('/v1/me', { authorization: `DPoP ${token}`, dpop })
        expect(retried.status).toBe(200)
        expect(retried.headers).not.toHaveProperty('dpop-nonce')
      }
    })

    test('§9: an old or foreign nonce: use_dpop_nonce and a fresh one [attack 64]', async () => {
      const { headers } = await me(`DPoP ${token}`, await proof())
      deployment.clock.advance(300_000)
      for (const nonce of [headers['dpop-nonce'], 'foreign']) {
        const refused = await me(`DPoP ${token}`, await proof({ nonce }))
        expectRefused(refused, 'use_dpop_nonce')
        expect(refused.headers['dpop-nonce']).toMatch(/^[\w-]{43}$/)
        expect(refused.headers['dpop-nonce']).not.toBe(nonce)
      }
    })

    test('§8.2: every answer to a proof brings the nonce, until the newest is used; no other does', async () => {
      const first = await me(`DPoP ${token}`, await proof())
      const nonce = first.headers['dpop-nonce']
      expect([first.status, nonce]).toEqual([200, expect.stringMatching(/^[\w-]{43}$/)])
      const unknown = await me(`DPoP ${token.slice(0, -1)}`, await proof())
      expect([unknown.status, unknown.headers['dpop-nonce']]).toEqual([401, nonce])
      expect((await me(`DPoP ${token}`, await proof({ nonce }))).headers).not.toHaveProperty('dpop-nonce')
      deployment.clock.advance(60_000)
      const later = await me(`DPoP ${token}`, await proof({ nonce }))
      expect([later.status, later.headers['dpop-nonce'] === nonce]).toEqual([200, false])
      expect(later.headers).toHaveProperty('dpop-nonce')
      expect((await me(`Bearer ${key.api_key}`)).headers).not.toHaveProperty('dpop-nonce')
    })

    test('§11.1: of ten uses at once over two nodes, one; the others are invalid_dpop_proof [attack 62, 65]', async () => {
      for (const claims of [{}, { iat: seconds() + 0.123 }]) {
        const dpop = await proof(claims)
        const uses = Array.from({ length: 10 }, (_, at) =>
          deployment.nodes[at % 2 === 0 ? 0 : 1].at('live').get('/v1/me', { authorization: `DPoP ${token}`, dpop }),
        )
        const answers = await Promise.all(uses)
        expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
        for (const refused of answers.filter(({ status }) => status !== 200))
          expectRefused(refused, 'invalid_dpop_proof')
      }
    })

    test('§11.1: one dated ahead is remembered for as long as it is good [attack 63]', async () => {
      const dpop = await proof({ iat: seconds() + 290 })
      expect((await me(`DPoP ${token}`, dpop)).status).toBe(200)
      deployment.clock.advance(310_000)
      expectRefused(await me(`DPoP ${token}`, dpop), 'invalid_dpop_proof')
    })

    test('§11.1: one with a nonce is remembered for as long as the nonce is good, whatever its iat', async () => {
      const { headers } = await me(`DPoP ${token}`, await proof())
      const dpop = await proof({ iat: 1, nonce: headers['dpop-nonce'] })
      expect((await me(`DPoP ${token}`, dpop)).status).toBe(200)
      deployment.clock.advance(239_000)
      expectRefused(await me(`DPoP ${token}`, dpop), 'invalid_dpop_proof')
      deployment.clock.advance(61_000)
      expectRefused(await me(`DPoP ${token}`, dpop), 'use_dpop_nonce')
    })

    test('an unbound token with the DPoP scheme is refused', async () => {
      const { body } = await live.token(key)
      const dpop = await prover.prove('GET', url(), { ath: ath(body.access_token) })
      expectRefused(await me(`DPoP ${body.access_token}`, dpop), 'invalid_token')
    })

    test('so is a key, which can not be bound', async () => {
      expectRefused(await me(`DPoP ${key.api_key}`, await proof()), 'invalid_token')
    })
  })
})
