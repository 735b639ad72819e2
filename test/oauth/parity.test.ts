import { inspect } from 'node:util'
import fc from 'fast-check'
import { base64url } from 'jose'
import { beforeAll, describe, expect, test } from 'vitest'
import { newStandardKey, splitKey } from '../../server/credentials/format.ts'
import { DPOP_ALGS } from '../../server/oauth/dpop-proof.ts'
import { BUILT_IN_SCOPES } from '../../server/tenancy/scopes.ts'
import { describeDeployment } from '../deployments.ts'
import { type Caller, type Key, startDeployment } from '../start.ts'
import { type Oracle, startOracle } from './oracle.ts'
import { DIFFERENCES, GRANT, isKnown, type Outcome, type ProofPlan, type TokenRequest } from './parity-differences.ts'
import { plainRequest, provedRequest } from './parity-requests.ts'
import { createProver, type Prover } from './prover.ts'

/** Our token endpoint replaced oidc-provider's, which remains the oracle. parity-differences.ts has what differs. */
describeDeployment('database', 'POST /oauth/token answers as oidc-provider does', (open) => {
  type Send = (form: string, headers: Record<string, string>) => ReturnType<Oracle>
  interface Side {
    readonly send: Send
    /** Each server takes only its own. */
    nonce: string
  }

  let sides: Record<'ours' | 'theirs', Side>
  let fill: (text: string) => string
  let provers: Map<string, Prover>
  let thief: Prover

  beforeAll(async () => {
    const clock = { now: Date.now, advance: () => {} } // oidc-provider knows no other
    const { nodes, made } = await startDeployment(open, { clock })
    const caller = nodes[0].at('live')
    const resource = { identifier: 'https://orders.example', name: 'Orders', scopes: ['orders:read'] }
    expect((await caller.api('POST', '/v1/resources', made.live.api_key, resource)).status).toBe(201)
    const api = { identifier: caller.issuer, scopes: BUILT_IN_SCOPES }
    const oracle = await startOracle({ ...caller, client: made.live, resources: [api, resource], algs: DPOP_ALGS })
    const send: Send = (form, headers) => caller.form('/oauth/token', form, headers)
    fill = filler(caller, made.live)
    const algs = [...DPOP_ALGS, 'RS256', 'ES384']
    provers = new Map(await Promise.all(algs.map(async (alg) => [alg, await createProver(Date.now, alg)] as const)))
    thief = await createProver(Date.now)
    sides = { ours: { send, nonce: '' }, theirs: { send: oracle, nonce: '' } }
    for (const side of Object.values(sides)) {
      const { headers } = await request(side, {
        form: GRANT,
        authorization: 'basic',
        proof: {},
      })
      side.nonce = headers['dpop-nonce'] as string
    }
  })

  async function prove({ nonce }: Side, plan: ProofPlan): Promise<string> {
    const { alg = 'ES256', age = 0, claims, header, forged, leaked } = plan
    const prover = provers.get(alg) as Prover
    const payload = { iat: Math.floor(Date.now() / 1000) - age, ...claims }
    const text = (value: unknown) =>
      typeof value === 'string' ? fill(value).replace('NEWEST', nonce).replace('RANDOM', crypto.randomUUID()) : value
    const filled = Object.fromEntries(Object.entries(payload).map(([name, value]) => [name, text(value)]))
    const jwk = leaked ? prover.privateJwk : prover.jwk
    return (forged ? thief : prover).prove('POST', fill('ISSUER/oauth/token'), filled, { jwk, ...header })
  }

  async function request(side: Side, { form, authorization, headers, proof }: TokenRequest) {
    return side.send(fill(form), {
      ...(authorization && { authorization: encodeBasic(fill(authorization === 'basic' ? OWN_PAIR : authorization)) }),
      ...(proof && { dpop: await prove(side, proof) }),
      ...headers,
    })
  }

  /** What a client sees, without what differs from token to token and from one choice of words to another. */
  async function answer(side: Side, sent: TokenRequest) {
    const { status, body, headers } = await request(side, sent)
    const { error, scope, token_type, expires_in } = body
    return {
      outcome: `${status} ${error ?? token_type}` satisfies Outcome,
      ...{ scope, expiresIn: expires_in, hasToken: 'access_token' in body },
      cacheControl: headers['cache-control'],
      challenge: headers['www-authenticate']?.split(' ')[0],
      offersNonce: error === 'use_dpop_nonce' && 'dpop-nonce' in headers,
    }
  }

  const answers = (sent: TokenRequest) => Promise.all([answer(sides.ours, sent), answer(sides.theirs, sent)])

  async function expectAlike(sent: TokenRequest): Promise<Outcome> {
    const [ours, theirs] = await answers(sent)
    const known = ours.outcome !== theirs.outcome && isKnown(sent, ours.outcome, theirs.outcome)
    if (!known) expect(ours, inspect(sent, { depth: 5 })).toEqual(theirs)
    expect(ours.cacheControl).toBe('no-store')
    return ours.outcome
  }

  async function outcomesOf(requests: fc.Arbitrary<TokenRequest>): Promise<Outcome[]> {
    const outcomes = new Set<Outcome>()
    const property = fc.asyncProperty(requests, async (sent) => void outcomes.add(await expectAlike(sent)))
    await fc.assert(property, { numRuns: 1000 })
    return [...outcomes].sort()
  }

  test('for a thousand generated requests, good and bad', async () => {
    expect(await outcomesOf(plainRequest)).toEqual([
      '200 Bearer',
      '400 invalid_request',
      '400 invalid_scope',
      '400 invalid_target',
      '400 unauthorized_client',
      '400 unsupported_grant_type',
      '401 invalid_client',
    ])
  }, 120_000)

  test('for a thousand generated DPoP proofs, good and bad', async () => {
    expect(await outcomesOf(provedRequest)).toEqual(['200 DPoP', '400 invalid_dpop_proof', '400 use_dpop_nonce'])
  }, 120_000)

  describe('for requests that matter', () => {
    test.each<[string, Partial<TokenRequest>, Outcome]>([
      ['', {}, '200 Bearer'],
      ['scope=api-keys:read', {}, '200 Bearer'],
      ['scope=tenant:read+api-keys:read+tenant:read', {}, '200 Bearer'],
      ['resource=https://orders.example', {}, '200 Bearer'],
      ['resource=https://orders.example&resource=https://orders.example', {}, '200 Bearer'],
      ['resource=https://orders.example&resource=ISSUER', {}, '400 invalid_target'],
      ['scope=planets:destroy+api-keys:read+moons:move', {}, '400 invalid_scope'],
      ['scope=a&scope=b', {}, '400 invalid_request'],
      ['grant_type=client_credentials', {}, '400 invalid_request'],
      ['client_id=CLIENT_ID', {}, '200 Bearer'],
      ['client_id=tk_other', {}, '400 invalid_request'],
      ['client_id=CLIENT_ID&client_secret=CLIENT_SECRET', {}, '400 invalid_request'],
      ['client_id=CLIENT_ID&client_secret=CLIENT_SECRET', { authorization: undefined }, '200 Bearer'],
      ['client_id=CLIENT_ID&client_secret=WRONG_SECRET', { authorization: undefined }, '401 invalid_client'],
      ['client_id=CLIENT_ID', { authorization: undefined }, '401 invalid_client'],
      ['client_secret=CLIENT_SECRET', { authorization: undefined }, '400 invalid_request'],
      ['', { authorization: 'Basic CLIENT_ID:WRONG_SECRET' }, '401 invalid_client'],
      ['', { authorization: 'Basic CLIENT_ID:CLIENT_SECREt' }, '401 invalid_client'],
      ['', { authorization: 'Basic tk_aaaaaaaaaaaa:CLIENT_SECRET' }, '401 invalid_client'],
      ['', { authorization: 'basic CLIENT_ID:CLIENT_SECRET' }, '200 Bearer'],
      ['', { authorization: 'Basic tk%5FKEY_ID:CLIENT_SECRET' }, '200 Bearer'],
      ['', { authorization: 'Basic' }, '400 invalid_request'],
      ['', { headers: { dpop: 'garbage' } }, '400 invalid_dpop_proof'],
      ['', { headers: { dpop: UNSIGNED } }, '400 invalid_dpop_proof'],
      ['', { headers: { 'content-type': 'application/json' } }, '400 invalid_request'],
      ['', { headers: { 'content-type': 'APPLICATION/x-www-form-urlencoded ; charset=utf-8' } }, '200 Bearer'],
    ])('%s %j: %s', async (more, others, outcome) => {
      expect(await expectAlike({ form: `${GRANT}&${more}`, authorization: 'basic', ...others })).toBe(outcome)
    })

    test.each<[string, ProofPlan, Outcome]>([
      ['a good one', {}, '200 DPoP'],
      ...DPOP_ALGS.map((alg): [string, ProofPlan, Outcome] => [alg, { alg }, '200 DPoP']),
      ['an alg not on the list', { alg: 'RS256' }, '400 invalid_dpop_proof'],
      ['another typ', { header: { typ: 'JWT' } }, '400 invalid_dpop_proof'],
      ['signed by another key', { forged: true }, '400 invalid_dpop_proof'],
      ['no jti', { claims: { jti: undefined } as never }, '400 invalid_dpop_proof'],
      ['old', { age: 900 }, '400 use_dpop_nonce'],
      ['old with a nonce', { age: 900, claims: { nonce: 'NEWEST' } }, '200 DPoP'],
    ])('a proof: %s', async (_, plan, outcome) => {
      expect(await expectAlike({ form: GRANT, authorization: 'basic', proof: plan })).toBe(outcome)
    })
  })

  test.each(DIFFERENCES)('but for this: $title', async ({ after, example, ours, theirs }) => {
    if (after) await answers(after)
    const [our, their] = await answers(example)
    expect([our.outcome, their.outcome]).toEqual([asymmetric(ours), asymmetric(theirs)])
    expect(our.outcome).not.toBe(their.outcome)
  })
})

/** RFC 7518 §3.6: alg `none`. */
const UNSIGNED = `${base64url.encode('{"alg":"none","typ":"dpop+jwt"}')}.${base64url.encode('{}')}.`
const OWN_PAIR = 'Basic CLIENT_ID:CLIENT_SECRET'

const asymmetric = (wanted: Outcome | RegExp) => (typeof wanted === 'string' ? wanted : expect.stringMatching(wanted))

/** Puts in what only a started server knows. */
const filler = ({ issuer }: Caller, { client_id, client_secret }: Key) => {
  const publicId = client_id.slice('tk_'.length)
  const { clientSecret: wrongSecret } = splitKey(newStandardKey('live', publicId))
  return (text: string): string =>
    text
      .replaceAll('ISSUER', issuer)
      .replaceAll('KEY_ID', publicId)
      .replaceAll('CLIENT_ID', client_id)
      .replaceAll('WRONG_SECRET', wrongSecret)
      .replaceAll('CLIENT_SECRET', client_secret)
}

/** Where it isn't written as base64 already. */
function encodeBasic(authorization: string): string {
  const [scheme, pair = ''] = authorization.split(/ (.*)/)
  return pair.includes(':') ? `${scheme} ${Buffer.from(pair).toString('base64')}` : authorization
}
