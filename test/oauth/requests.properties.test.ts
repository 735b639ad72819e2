import fc from 'fast-check'
import { beforeAll, expect, test } from 'vitest'
import { describeDeployment } from '../deployments.ts'
import { hostileText, mutated } from '../hostile-text.ts'
import { basic, type Caller, startDeployment, type TestDeployment } from '../start.ts'

const RUNS = 60
const ENDPOINTS = ['/oauth/token', '/oauth/introspect', '/oauth/revoke', '/oauth/leaked', '/oauth/par']
/** Of no one error class: whatever is wrong, it is the caller's, and its kind is one that a library knows. */
const ERRORS =
  /^(?:invalid_request|invalid_client|invalid_grant|unauthorized_client|unsupported_grant_type|invalid_scope|invalid_target|invalid_dpop_proof|use_dpop_nonce|rate_limited)$/

const visible = fc.string({
  unit: fc.integer({ min: 0x20, max: 0x7e }).map((code) => String.fromCharCode(code)),
  maxLength: 60,
})
/** What a header can hold at all. */
const header = fc.oneof(
  visible.map((text) => text.trim()),
  visible.map((text) => `Basic ${Buffer.from(text).toString('base64')}`),
  fc.uint8Array({ maxLength: 40 }).map((bytes) => `Basic ${Buffer.from(bytes).toString('base64')}`),
  fc.constantFrom('Basic', 'Basic ', 'Bearer x', 'DPoP x', 'Basic Og==', 'Basic dGtfOg=='),
)
const name = fc.constantFrom(
  'grant_type',
  'client_id',
  'client_secret',
  'scope',
  'resource',
  'token',
  'code',
  'refresh_token',
  'assertion',
  'client_assertion',
  'client_assertion_type',
  'subject_token',
  'subject_token_type',
  'code_verifier',
  'redirect_uri',
  'request_uri',
  '__proto__',
)
const value = fc.oneof(
  hostileText.map((text) => text.slice(0, 2_000)),
  fc.constantFrom(
    'client_credentials',
    'authorization_code',
    'refresh_token',
    'urn:ietf:params:oauth:grant-type:token-exchange',
    'urn:ietf:params:oauth:grant-type:jwt-bearer',
    'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
  ),
)
const fields = fc
  .array(fc.tuple(name, value), { maxLength: 8 })
  .map((pairs) =>
    new URLSearchParams(pairs.map(([key, text]): [string, string] => [key, text.toWellFormed()])).toString(),
  )
const body = fc.oneof(
  { weight: 3, arbitrary: fields },
  { weight: 1, arbitrary: fields.chain(mutated) },
  { weight: 1, arbitrary: hostileText },
)

describeDeployment('embedded', 'whatever is sent', (open) => {
  let deployment: TestDeployment
  let live: Caller
  let networks = 0

  beforeAll(async () => {
    deployment = await startDeployment(open, { trustProxy: true })
    live = deployment.nodes[0].at('live')
  })

  /** From a network of its own, so that no limit answers in the place of what is tested. */
  const from = () => ({ 'x-forwarded-for': `2001:db8:${(++networks).toString(16)}::1` })

  test.each(ENDPOINTS)('to %s is refused as OAuth refuses, and nobody gets a token', async (path) => {
    await fc.assert(
      fc.asyncProperty(fc.option(header, { nil: undefined }), body, async (authorization, form) => {
        const answer = await live.form(path, form, { ...from(), ...(authorization && { authorization }) })
        // RFC 7009 §2.2 and our own: what is nobody's is nobody's.
        if (answer.status === 200)
          return void expect([path, answer.body]).toEqual(['/oauth/leaked', { revoked: false }])
        expect([400, 401, 413, 415]).toContain(answer.status)
        expect(answer.body.error).toMatch(ERRORS)
        expect(answer.headers['cache-control']).toContain('no-store')
        expect(answer.headers['content-type']).toMatch(/^application\/json/)
        if (answer.status === 401 && authorization) expect(answer.headers['www-authenticate']).toMatch(/^Basic /)
      }),
      { numRuns: RUNS },
    )
  })

  test('as a key one character from a right one gets nothing, by whatever way it comes', async () => {
    const { client_id, client_secret, api_key } = deployment.made.live
    expect((await live.token({ client_id, client_secret })).status).toBe(200)
    const changed = fc.oneof(
      mutated(client_secret).map((secret) => ({ client_id, client_secret: secret })),
      mutated(client_id).map((id) => ({ client_id: id, client_secret })),
    )
    await fc.assert(
      fc.asyncProperty(changed, async (pair) => {
        // Another way to split the same key is no change.
        fc.pre(
          !/^_|_$/.test(`${pair.client_id} ${pair.client_secret}`) &&
            `${pair.client_id}_${pair.client_secret}` !== `${client_id}_${client_secret}`,
        )
        const form = {
          grant_type: 'client_credentials',
          client_id: pair.client_id.toWellFormed(),
          client_secret: pair.client_secret.toWellFormed(),
        }
        const answers = [
          await live.form('/oauth/token', form, from()),
          await live.form('/oauth/token', 'grant_type=client_credentials', { ...from(), authorization: basic(pair) }),
        ]
        for (const { status, body: said } of answers)
          expect([[400, 401].includes(status), said.access_token]).toEqual([true, undefined])
      }),
      { numRuns: RUNS },
    )
    const keys = mutated(api_key).filter((text) => /^[\x21-\x7e]+$/.test(text))
    await fc.assert(
      fc.asyncProperty(keys, async (text) => {
        const answers = [
          await live.get('/v1/me', { ...from(), authorization: `Bearer ${text}` }),
          await live.get('/v1/me', { ...from(), 'x-api-key': text }),
        ]
        expect(answers.map(({ status, body: said }) => [status, said.error])).toEqual(
          Array(2).fill([401, 'invalid_api_key']),
        )
      }),
      { numRuns: RUNS },
    )
  })

  test('as a token that is not one is inactive, with no word more', async () => {
    const key = deployment.made.live
    const { access_token } = (await live.token(key)).body
    expect((await live.introspect(key, access_token)).body.active).toBe(true)
    const text = fc
      .oneof(mutated(access_token), mutated(key.api_key), hostileText)
      .map((each) => each.toWellFormed())
      .filter((each) => each !== '')
    await fc.assert(
      fc.asyncProperty(text, async (token) => {
        const answer = await live.introspect(key, token)
        expect([answer.status, answer.text]).toEqual([200, '{"active":false}'])
      }),
      { numRuns: RUNS },
    )
    expect((await live.introspect(key, access_token)).body.active).toBe(true)
  })

  test('to revoke what is not ours ends nothing', async () => {
    const key = deployment.made.live
    const { access_token } = (await live.token(key)).body
    const text = fc.oneof(mutated(access_token), mutated(key.api_key)).map((each) => each.toWellFormed())
    await fc.assert(
      fc.asyncProperty(text, async (token) => {
        expect((await live.revoke(key, token)).status).toBe(200)
        expect((await live.introspect(key, access_token)).body.active).toBe(true)
      }),
      { numRuns: 30 },
    )
  })

  test('as a DPoP proof makes no token, and as scope never more than there is', async () => {
    const key = deployment.made.live
    await fc.assert(
      fc.asyncProperty(visible, async (dpop) => {
        const { status, body: said } = await live.token(key, {}, { dpop: dpop.trim() || 'x' })
        expect([status, said.error]).toEqual([400, 'invalid_dpop_proof'])
      }),
      { numRuns: 30 },
    )
    const most = new Set<string>((await live.token(key)).body.scope.split(' '))
    const few = fc.subarray([...most], { minLength: 1, maxLength: 4 }).map((scopes) => scopes.join(' '))
    await fc.assert(
      fc.asyncProperty(fc.oneof(few, few.chain(mutated), visible), async (scope) => {
        const { status, body: said } = await live.token(key, { scope: scope.toWellFormed() })
        if (status === 200 && scope !== '') expect(new Set(said.scope.split(' '))).toEqual(new Set(scope.split(' ')))
        else if (scope !== '') expect([status, said.error]).toEqual([400, 'invalid_scope'])
        expect((said.scope ?? '').split(' ').filter((each: string) => status === 200 && !most.has(each))).toEqual([])
      }),
      { numRuns: RUNS },
    )
  })
})
