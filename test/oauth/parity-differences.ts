/**
 * A token request. What isn't known before it is sent stands in capitals: `ISSUER`, `KEY_ID`, `CLIENT_ID`,
 * `CLIENT_SECRET`, `WRONG_SECRET` (its checksum is right); in a proof also `NEWEST` (the nonce) and `RANDOM`.
 */
export interface TokenRequest {
  readonly form: string
  /** `basic`: the client's own pair. `Basic <text>`: its base64, made when it is sent. */
  readonly authorization?: string | undefined
  readonly headers?: Record<string, string> | undefined
  readonly proof?: ProofPlan | undefined
}

/** What is unlike a good proof. */
export interface ProofPlan {
  readonly alg?: string | undefined
  /** Seconds since it was made, by its `iat`. */
  readonly age?: number | undefined
  readonly claims?: Readonly<Record<string, unknown>> | undefined
  readonly header?: object | undefined
  /** Signed by a key that it doesn't name. */
  readonly forged?: boolean | undefined
  /** Names the whole key, its private part included. */
  readonly leaked?: boolean | undefined
}

/** Status, and `error` or `token_type`. */
export type Outcome = string

export interface Difference {
  readonly title: string
  /** The requests that it is about. */
  when(request: TokenRequest): boolean
  readonly ours: Outcome | RegExp
  readonly theirs: Outcome | RegExp
  readonly example: TokenRequest
  /** Sent before the example. */
  readonly after?: TokenRequest
}

const ANY = /./
const RESOLVED = /^(200 Bearer|400 invalid_(scope|target))$/
export const GRANT = 'grant_type=client_credentials'
const REFUSED = '400 invalid_dpop_proof'
const NONCE = '400 use_dpop_nonce'
const TIMELY_OR_NOT = /^(200 DPoP|400 use_dpop_nonce)$/

const valuesOf = ({ form }: TokenRequest, name: string): string[] => new URLSearchParams(form).getAll(name)
const isSent = (request: TokenRequest, name: string): boolean => valuesOf(request, name).some(Boolean)
const isRepeated = (request: TokenRequest): boolean =>
  [...new URLSearchParams(request.form).keys()].some(
    (name) => name !== 'resource' && valuesOf(request, name).length > 1,
  )
const byHeader = (authorization: string): Pick<Difference, 'when' | 'example'> => ({
  when: (request) => request.authorization === authorization,
  example: { form: GRANT, authorization },
})
const byProof = (proof: ProofPlan, when: (plan: ProofPlan) => boolean): Pick<Difference, 'when' | 'example'> => ({
  when: (request) => request.proof !== undefined && when(request.proof),
  example: { form: GRANT, authorization: 'basic', proof },
})
const withJti = (jti: string, more: ProofPlan = {}, form = GRANT): TokenRequest => ({
  form,
  authorization: 'basic',
  proof: { claims: { jti }, ...more },
})
const isLate = ({ age = 0, claims = {} }: ProofPlan) => Math.abs(age) > 300 || 'iat' in claims || 'nonce' in claims
const isWrongOtherwise = ({ claims = {} }: ProofPlan) =>
  Object.keys(claims).some((name) => name !== 'iat' && name !== 'nonce')

/** Only ever sent as an example. */
const never = () => false

/** Where our token endpoint answers otherwise than oidc-provider's on purpose. All else must be the same. */
export const DIFFERENCES: readonly Difference[] = [
  {
    title: 'RFC 6749 §5.2: no client authentication at all is invalid_client',
    when: (request) =>
      request.authorization === undefined &&
      !['client_id', 'client_secret', 'client_assertion'].some((name) => isSent(request, name)),
    ...{ ours: '401 invalid_client', theirs: '400 invalid_request' },
    example: { form: GRANT },
  },
  {
    title: 'RFC 6749 §5.2: who tries to authenticate by a header that is not Basic gets 401 and is told the scheme',
    when: ({ authorization }) => authorization === 'Bearer abc',
    ...{ ours: '401 invalid_client', theirs: '400 invalid_request' },
    example: { form: GRANT, authorization: 'Bearer abc' },
  },
  {
    title: 'RFC 6749 §5.2: an empty password is a wrong one, not a malformed request',
    ...{ ours: '401 invalid_client', theirs: '400 invalid_request' },
    ...byHeader('Basic CLIENT_ID:'),
  },
  {
    title: 'RFC 6749 §5.2: so is one with letters that no secret has',
    ...{ ours: '401 invalid_client', theirs: '400 invalid_request' },
    ...byHeader('Basic CLIENT_ID:%C3%A9'),
  },
  {
    title: 'RFC 4648 §3.2: base64 is padded, and what is not is malformed',
    ...{ ours: '400 invalid_request', theirs: ANY },
    ...byHeader('Basic eDp5eQ'),
  },
  {
    title: 'contract §3: a key is a client, however it is split',
    ...{ ours: '200 Bearer', theirs: '401 invalid_client' },
    ...byHeader('Basic tk_live:KEY_ID_CLIENT_SECRET'),
  },
  {
    title: 'RFC 7521 §4.2.1: an assertion that cannot be read is invalid_client',
    when: (request) => isSent(request, 'client_assertion'),
    ...{ ours: '401 invalid_client', theirs: '400 invalid_request' },
    example: {
      form: `${GRANT}&client_assertion=x&client_assertion_type=urn:ietf:params:oauth:client-assertion-type:jwt-bearer`,
    },
  },
  {
    title: 'RFC 6749 §2.3: one method of client authentication, also where another is only begun',
    when: (request) => isSent(request, 'client_assertion_type') && !isSent(request, 'client_assertion'),
    ...{ ours: '400 invalid_request', theirs: ANY },
    example: { form: `${GRANT}&client_assertion_type=x`, authorization: 'basic' },
  },
  {
    title: 'RFC 6749 §3.2: no parameter twice, not even one that means nothing; found before the client is',
    ...{ when: isRepeated, ours: '400 invalid_request', theirs: ANY },
    example: { form: `${GRANT}&unknown=x&unknown=y`, authorization: 'basic' },
  },
  {
    title: 'RFC 6749 §5.2: a grant that the client may not use is unauthorized_client',
    when: (request) => /^(refresh_token|authorization_code)$/.test(valuesOf(request, 'grant_type')[0] ?? ''),
    ...{ ours: '400 unauthorized_client', theirs: '400 invalid_request' },
    example: { form: 'grant_type=refresh_token&refresh_token=x', authorization: 'basic' },
  },
  {
    title: 'RFC 6749 §3.2: a resource without a value was not sent',
    when: (request) => valuesOf(request, 'resource').length > 1 && valuesOf(request, 'resource').includes(''),
    ...{ ours: RESOLVED, theirs: '400 invalid_target' },
    example: { form: `${GRANT}&resource=&resource=ISSUER`, authorization: 'basic' },
  },
  {
    title: 'RFC 3986 §6.2.3: an empty path is the same resource as /',
    when: (request) => valuesOf(request, 'resource').some((value) => value.endsWith('/')),
    ...{ ours: RESOLVED, theirs: '400 invalid_target' },
    example: { form: `${GRANT}&resource=https://orders.example/`, authorization: 'basic' },
  },
  {
    title: 'RFC 9110 §15.5.14: a body that is too large',
    ...{ when: never, ours: '413 invalid_request', theirs: '400 invalid_request' },
    example: { form: `${GRANT}&unknown=${'x'.repeat(56 * 1024)}`, authorization: 'basic' },
  },
  {
    title: 'RFC 9110 §15.5.16: a body that says it is compressed',
    ...{ when: never, ours: '415 invalid_request', theirs: ANY },
    example: { form: GRANT, authorization: 'basic', headers: { 'content-encoding': 'gzip' } },
  },
  {
    title: 'RFC 9449 §5: a replay is invalid_dpop_proof',
    ...{ when: never, ours: REFUSED, theirs: '400 invalid_grant' },
    ...{ after: withJti('replayed'), example: withJti('replayed') },
  },
  {
    title: 'RFC 9449 §11.1: a proof is spent by a request that is refused for something else, too',
    ...{ when: never, ours: REFUSED, theirs: '200 DPoP' },
    ...{ after: withJti('spent', {}, `${GRANT}&scope=planets:destroy`), example: withJti('spent') },
  },
  {
    title: 'RFC 9449 §4.2: a jti is of its key, and two keys may happen upon one',
    ...{ when: never, ours: '200 DPoP', theirs: '400 invalid_grant' },
    ...{ after: withJti('of two'), example: withJti('of two', { alg: 'PS256' }) },
  },
  {
    title: 'RFC 9449 §4.3 (1): an empty header is one without a proof in it, not none',
    ...{ when: ({ headers }) => headers?.dpop === '', ours: REFUSED, theirs: '200 Bearer' },
    example: { form: GRANT, authorization: 'basic', headers: { dpop: '' } },
  },
  {
    title: 'RFC 9449 §4.3 (2): the proof is judged before what is asked for',
    when: (request) => request.proof !== undefined && isSent(request, 'scope'),
    ...{ ours: /^400 (invalid_dpop_proof|use_dpop_nonce)$/, theirs: '400 invalid_scope' },
    example: { form: `${GRANT}&scope=a"b`, authorization: 'basic', proof: { forged: true } },
  },
  {
    title: 'RFC 9449 §8: a new nonce is offered only where it makes the proof good',
    ...{ ours: REFUSED, theirs: NONCE },
    ...byProof({ age: 900, claims: { htm: 'GET' } }, (plan) => isLate(plan) && isWrongOtherwise(plan)),
  },
  {
    title: 'RFC 9449 §8: an empty nonce is not ours',
    ...{ ours: NONCE, theirs: '200 DPoP' },
    ...byProof({ claims: { nonce: '' } }, ({ claims }) => claims?.nonce === ''),
  },
  {
    title: 'RFC 7519 §4.1.6: 1970 is a time like any other',
    ...{ ours: TIMELY_OR_NOT, theirs: REFUSED },
    ...byProof({ claims: { iat: 0 } }, ({ claims }) => claims?.iat === 0),
  },
  {
    title: 'RFC 9449 §11.1: an endless jti is no identifier that anybody should keep',
    ...{ ours: REFUSED, theirs: '200 DPoP' },
    ...byProof({ claims: { jti: 'RANDOM'.padEnd(300, 'x') } }, ({ claims }) => String(claims?.jti).length > 256),
  },
  {
    title: 'RFC 9449 §4.2: an ath that is no text is malformed, though nobody asked for it',
    ...{ ours: REFUSED, theirs: '200 DPoP' },
    ...byProof({ claims: { ath: 7 } }, ({ claims }) => typeof claims?.ath === 'number'),
  },
  {
    title: 'RFC 3986 §6.2.2.2: an unreserved character is the same encoded',
    ...{ ours: TIMELY_OR_NOT, theirs: REFUSED },
    ...byProof({ claims: { htu: 'ISSUER/%6fauth/token' } }, ({ claims }) => claims?.htu === 'ISSUER/%6fauth/token'),
  },
  {
    title: 'RFC 3986 §2: a URL with a space or a backslash is none, whatever URL classes make of it',
    ...{ ours: REFUSED, theirs: '200 DPoP' },
    ...byProof({ claims: { htu: ' ISSUER/oauth/token' } }, ({ claims }) => /[ \\]/.test(String(claims?.htu))),
  },
]

/** Whether the table has a row for it. */
export const isKnown = (request: TokenRequest, ours: Outcome, theirs: Outcome): boolean =>
  DIFFERENCES.some((row) => row.when(request) && fits(ours, row.ours) && fits(theirs, row.theirs))

const fits = (outcome: Outcome, wanted: Outcome | RegExp): boolean =>
  typeof wanted === 'string' ? outcome === wanted : wanted.test(outcome)
