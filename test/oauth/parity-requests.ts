import fc from 'fast-check'
import { GRANT, type ProofPlan, type TokenRequest } from './parity-differences.ts'

const PARAMETERS = {
  grant_type: ['client_credentials', 'password', '', 'client_credentials ', 'refresh_token', '__proto__'],
  scope: ['api-keys:read', 'api-keys:read orders:read', '', ' ', 'a"b', 'é', 'orders:read', 'x'.repeat(300)],
  resource: [
    ...['ISSUER', 'ISSUER/', 'https://orders.example', 'https://orders.example/', 'https://unknown.example'],
    ...['HTTPS://orders.example', 'nonsense', 'https://orders.example#f', 'urn:x', ''],
  ],
  audience: ['x', 'https://orders.example'],
  client_id: ['CLIENT_ID', 'tk_other', ''],
  client_secret: ['CLIENT_SECRET', 'wrong', ''],
  client_assertion: ['x', ''],
  client_assertion_type: ['x', ''],
  refresh_token: ['x'],
  unknown: ['x', ''],
}

const likely = fc.constantFrom('scope', 'resource', 'client_id')
const parameter = fc
  .oneof(likely, fc.constantFrom(...(Object.keys(PARAMETERS) as (keyof typeof PARAMETERS)[])))
  .chain((name) => fc.constantFrom(...PARAMETERS[name as keyof typeof PARAMETERS]).map((value) => [name, value]))
  .map(([name, value]) => `${name}=${encodeURIComponent(value as string)}`)
const grantType = fc.constantFrom(...PARAMETERS.grant_type).map((type) => `grant_type=${type}`)
const first = fc.oneof({ weight: 4, arbitrary: fc.constant(GRANT) }, { weight: 2, arbitrary: grantType }, parameter)
const form = fc.tuple(first, fc.array(parameter, { maxLength: 4 })).map(([one, rest]) => [one, ...rest].join('&'))
const authorization = fc.oneof(
  { weight: 3, arbitrary: fc.constant('basic') },
  fc.constantFrom(undefined, 'Basic ', 'Basic tk_x:y', 'Basic :', 'Basic !', 'Basic eDp5 eDp5', 'Bearer abc'),
)

/** Of which some are none. */
const FLAWS: readonly ProofPlan[] = [
  ...['EdDSA', 'PS256', 'RS256', 'ES384'].map((alg) => ({ alg })),
  ...[-900, -200, 200, 900, 1e9].map((age) => ({ age })),
  ...[{ forged: true }, { leaked: true }],
  ...['JWT', 'DPOP+JWT', 'application/dpop+jwt', '', undefined].map((typ) => ({ header: { typ } })),
  ...[undefined, null, 'key', {}, { kty: 'EC' }, { kty: 'oct', k: 'AAAA' }].map((jwk) => ({ header: { jwk } })),
  ...[{ kid: 'x' }, { jku: 'https://x.example' }, { b64: true }].map((header) => ({ header })),
  ...claimed('htm', ['GET', 'post', '', undefined, null, ['POST']]),
  ...claimed('htu', ['ISSUER/', 'ISSUER/oauth/token/', 'ISSUER/oauth/token?x=y#z', '/oauth/token', '', undefined, 7]),
  ...claimed('htu', ['ISSUER/oauth/x/../token', 'https://other.example/oauth/token', 'ISSUER/%6fauth/token']),
  ...claimed('jti', ['', undefined, null, 7, ['x'], 'RANDOM'.padEnd(300, 'x')]),
  ...claimed('iat', ['now', '1', undefined, null, 0, 1.5, -1, 1e300]),
  ...claimed('nonce', ['NEWEST', 'NEWESt', '', 'x', 7, null]),
  ...claimed('ath', ['x', 7]),
  ...claimed('exp', [1, 1e10, 'x']),
  ...claimed('nbf', [1, 1e10, 'x']),
]

function claimed(name: string, values: readonly unknown[]): ProofPlan[] {
  return values.map((value) => ({ claims: { [name]: value } }))
}

const flaw = fc.constantFrom({}, ...FLAWS)
const proof: fc.Arbitrary<ProofPlan> = fc.tuple(flaw, flaw).map(([one, other]) => ({
  ...{ ...one, ...other },
  claims: { ...one.claims, ...other.claims },
  header: { ...one.header, ...other.header },
}))

export const plainRequest: fc.Arbitrary<TokenRequest> = fc.record({ form, authorization })

/** With a proof that has at most two flaws: of those with more, one hides the others. */
export const provedRequest: fc.Arbitrary<TokenRequest> = proof.map((plan) => ({
  form: GRANT,
  authorization: 'basic',
  proof: plan,
}))
