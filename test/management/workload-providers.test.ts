import { generateKeyPairSync } from 'node:crypto'
import { beforeAll, expect, test } from 'vitest'
import { PLATFORMS } from '../../server/workload-identity/model.ts'
import { describeDeployment, describeDeployments } from '../deployments.ts'
import { type Caller, startDeployment } from '../start.ts'
import { expectFields, expectProblem } from './problem.ts'

const GITHUB = 'https://token.actions.githubusercontent.com'
const PATH = '/v1/workload-providers'

function jwkOf(type: 'ec' | 'rsa', options: object = {}, more: object = {}) {
  const { publicKey } = generateKeyPairSync(
    type as 'ec',
    { modulusLength: 2048, namedCurve: 'P-256', ...options } as { namedCurve: string },
  )
  return { ...publicKey.export({ format: 'jwk' }), ...more }
}

describeDeployments('/v1/workload-providers', (open) => {
  let live: Caller
  let key: string

  beforeAll(async () => {
    const { nodes, made } = await startDeployment(open)
    live = nodes[0].at('live')
    key = made.live.api_key
  })

  test('made, with what its platform has; got, listed, changed, disabled, enabled, deleted', async () => {
    const made = await live.api('POST', PATH, key, { platform: 'github-actions', name: 'GitHub' })
    expect(made.status).toBe(201)
    expect(made.body).toEqual({
      ...{ id: expect.stringMatching(/^wp_[a-z2-7]{16}$/), platform: 'github-actions', name: 'GitHub', issuer: GITHUB },
      ...{ audiences: [live.issuer], jwks_uri: null, jwks: null, single_use: true, disabled: false },
      ...{ created_at: expect.stringMatching(/Z$/), created_by: expect.any(String), updated_at: made.body.created_at },
    })
    const path = `${PATH}/${made.body.id}`
    expect((await live.api('GET', path, key)).body).toEqual(made.body)
    expect((await live.api('GET', PATH, key)).body.data).toContainEqual(made.body)

    const changed = await live.api('PATCH', path, key, { name: 'Hub', audiences: ['a', 'b', 'a'], single_use: false })
    expect(changed.body).toMatchObject({ name: 'Hub', audiences: ['a', 'b'], single_use: false, issuer: GITHUB })
    expect((await live.api('PATCH', path, key, { audiences: null })).body.audiences).toEqual([live.issuer])
    expect((await live.api('PATCH', path, key, { disabled: true })).body.disabled).toBe(true)
    expect((await live.api('PATCH', path, key, { disabled: false })).body.disabled).toBe(false)
    expect((await live.api('DELETE', path, key)).status).toBe(204)
    expectProblem(await live.api('GET', path, key), 404, 'not_found')
    expectProblem(await live.api('DELETE', path, key), 404, 'not_found')

    const { body } = await live.api('GET', `/v1/audit-logs?target=${made.body.id}`, key)
    expect(body.data.map(({ action }: { action: string }) => action)).toEqual([
      ...['deleted', 'enabled', 'disabled', 'changed', 'changed', 'created'].map((what) => `workload_provider.${what}`),
    ])
  })

  test('keys: by discovery, from an address, or uploaded; one of them at a time', async () => {
    const jwks_uri = 'https://keys.example/jwks'
    const jwks = {
      keys: [jwkOf('ec', {}, { kid: 'one', use: 'jwt-svid', x5c: ['…'] }), jwkOf('rsa', {}, { kid: 'two' })],
    }
    const provider = { platform: 'oidc', name: 'p', issuer: 'https://issuer.example' }
    const { id } = (await live.api('POST', PATH, key, { ...provider, jwks_uri })).body
    const patch = async (body: object) => (await live.api('PATCH', `${PATH}/${id}`, key, body)).body
    expect(await patch({ name: 'q' })).toMatchObject({ jwks_uri, jwks: null })
    expect(await patch({ jwks: null })).toMatchObject({ jwks_uri, jwks: null })
    const uploaded = await patch({ jwks })
    expect(uploaded.jwks_uri).toBeNull()
    expect(uploaded.jwks.keys).toEqual([
      { kty: 'EC', crv: 'P-256', x: expect.any(String), y: expect.any(String), kid: 'one' },
      { kty: 'RSA', n: expect.any(String), e: 'AQAB', kid: 'two' },
    ])
    expect(await patch({ jwks_uri: null })).toMatchObject({ jwks: uploaded.jwks })
    expect(await patch({ jwks: null })).toMatchObject({ jwks_uri: null, jwks: null })
  })
})

describeDeployment('database', 'what a provider may be', (open) => {
  let live: Caller
  let key: string

  beforeAll(async () => {
    const { nodes, made } = await startDeployment(open, { outboundAllow: ['localhost:9999'] })
    live = nodes[0].at('live')
    key = made.live.api_key
  })

  const post = (body: object) => live.api('POST', PATH, key, { name: 'p', ...body })
  const custom = (body: object) => post({ platform: 'oidc', issuer: 'https://issuer.example', ...body })

  test('nothing: all that is missing is said at once', async () => {
    expectFields(await live.api('POST', PATH, key, {}), '/platform', '/name')
  })

  const PRIVATE = generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' })
  const WRONG: [string, object, string][] = [
    ['a platform that is none', { platform: 'jenkins' }, '/platform'],
    ['plain http', { issuer: 'http://issuer.example' }, '/issuer'],
    ['an issuer with a query', { issuer: 'https://issuer.example/?x' }, '/issuer'],
    ['an issuer with a user', { issuer: 'https://me@issuer.example' }, '/issuer'],
    ['an address inside', { issuer: 'https://169.254.169.254' }, '/issuer'],
    ['a built-in one with a slash', { platform: 'github-actions', issuer: `${GITHUB}/` }, '/issuer'],
    ['a built-in one with more behind it', { platform: 'github-actions', issuer: `${GITHUB}.evil.tld` }, '/issuer'],
    ['a built-in one as a user', { platform: 'github-actions', issuer: `${GITHUB}@evil.tld` }, '/issuer'],
    ['a built-in one with a letter of another script', { issuer: GITHUB.replace('o', 'о') }, '/issuer'],
    ['a built-in host as a custom one', { issuer: GITHUB }, '/issuer'],
    ['a shared host as a cluster', { platform: 'kubernetes', issuer: 'https://gitlab.com' }, '/issuer'],
    ['a platform with an issuer of others', { platform: 'gcp', issuer: 'https://issuer.example' }, '/issuer'],
    ['no issuer where there is none for everybody', { platform: 'kubernetes', issuer: undefined }, '/issuer'],
    ['no account of AWS', { platform: 'aws', issuer: undefined }, '/issuer'],
    ['an audience of AWS', { audiences: ['sts.amazonaws.com'] }, '/audiences/0'],
    ['an audience of Azure', { audiences: ['x', 'api://AzureADTokenExchange'] }, '/audiences/1'],
    ['an empty audience', { audiences: [''] }, '/audiences/0'],
    ['an audience in two words', { audiences: ['a b'] }, '/audiences/0'],
    ['33 audiences', { audiences: Array.from({ length: 33 }, (_, at) => `a${at}`) }, '/audiences'],
    ['keys at plain http', { jwks_uri: 'http://keys.example' }, '/jwks_uri'],
    ['keys at an address inside', { jwks_uri: 'https://10.0.0.1/jwks' }, '/jwks_uri'],
    ['keys in two places', { jwks_uri: 'https://keys.example', jwks: { keys: [jwkOf('ec')] } }, '/jwks'],
    ['no keys', { jwks: { keys: [] } }, '/jwks/keys'],
    [
      '21 keys',
      { jwks: { keys: Array.from({ length: 21 }, (_, kid) => jwkOf('ec', {}, { kid: `${kid}` })) } },
      '/jwks/keys',
    ],
    ['a private key', { jwks: { keys: [PRIVATE] } }, '/jwks/keys/0/d'],
    ['a secret', { jwks: { keys: [{ kty: 'oct', k: 'x' }] } }, '/jwks/keys/0/kty'],
    ['a short RSA key', { jwks: { keys: [jwkOf('rsa', { modulusLength: 1024 })] } }, '/jwks/keys/0'],
    ['a key for something else', { jwks: { keys: [jwkOf('ec', {}, { use: 'enc' })] } }, '/jwks/keys/0/use'],
    ['another curve', { jwks: { keys: [jwkOf('ec', { namedCurve: 'secp256k1' })] } }, '/jwks/keys/0'],
    ['words for booleans', { single_use: 'yes' }, '/single_use'],
    ['an id of its own', { id: 'wp_mine' }, '/id'],
    ['somebody else’s', { tenant_id: 'ten_x' }, '/tenant_id'],
  ]
  test.each(WRONG)('%s: 422 with a pointer to it [attack 47]', async (_, body, pointer) => {
    expectFields(await custom(body), pointer)
  })

  test('two keys must have names of their own', async () => {
    const response = await custom({ jwks: { keys: [jwkOf('ec', {}, { kid: 'a' }), jwkOf('ec', {}, { kid: 'a' })] } })
    expectFields(response, '/jwks/keys/1/kid')
  })

  test('this server, of either mode: refused [attack 56]', async () => {
    for (const issuer of [live.issuer, `${live.issuer}/`]) expectFields(await custom({ issuer }), '/issuer')
  })

  test('what the operator allows may be plain http, for any platform', async () => {
    for (const platform of PLATFORMS) {
      const issuer = 'http://localhost:9999'
      expect((await post({ platform, issuer, jwks_uri: `${issuer}/jwks` })).status).toBe(201)
    }
    expectFields(await custom({ issuer: 'http://localhost:9998' }), '/issuer')
  })

  test("the issuer of every cluster needs the cluster's own keys, for good", async () => {
    const cluster = { platform: 'kubernetes', issuer: 'https://kubernetes.default.svc.cluster.local' }
    expectFields(await post(cluster), '/jwks')
    const { status, body } = await post({ ...cluster, jwks: { keys: [jwkOf('rsa')] } })
    expect([status, body.single_use]).toEqual([201, false])
    expectFields(await live.api('PATCH', `${PATH}/${body.id}`, key, { jwks: null }), '/jwks')
  })

  test('its platform and issuer are for good', async () => {
    const { id } = (await custom({})).body
    const response = await live.api('PATCH', `${PATH}/${id}`, key, { issuer: 'https://other.example', platform: 'gcp' })
    expectFields(response, '/issuer', '/platform')
  })

  test.each([
    ['github-actions', true],
    ['gitlab', false],
    ['gcp', false],
    ['vercel', false],
    ['buildkite', true],
  ] as const)('%s: a token is taken once only: %s, unless it is said otherwise', async (platform, single_use) => {
    expect((await post({ platform })).body.single_use).toBe(single_use)
    expect((await post({ platform, single_use: !single_use })).body.single_use).toBe(!single_use)
  })
})

describeDeployment('database', 'GET /v1/workload-platforms', (open) => {
  test('what is known of each platform, in words', async () => {
    const { nodes, made } = await startDeployment(open)
    const { status, body } = await nodes[0].at('live').api('GET', '/v1/workload-platforms', made.live.api_key)
    expect(status).toBe(200)
    expect(body.data.map(({ platform }: { platform: string }) => platform)).toEqual(PLATFORMS)
    const [github] = body.data
    expect(github).toMatchObject({
      ...{ title: 'GitHub Actions', default_issuer: GITHUB, algorithms: ['RS256'], max_lifetime: 900, max_age: 600 },
      single_use: true,
    })
    expect(github.issuers[0]).toMatchObject({ form: GITHUB, shared: true })
    expect(github.issuers[0].must_pin[0].any_of).toContainEqual(['repository_id'])
    expect(github.claims).toContainEqual({
      ...{ claim: 'repository_id', trust: 'id', list: false },
      words: expect.stringMatching(/./),
    })
    expect(github.denials).toContainEqual({
      ...{ claim: 'event_name', unless_named: false },
      words: expect.stringMatching(/outsiders/),
    })
  })
})
