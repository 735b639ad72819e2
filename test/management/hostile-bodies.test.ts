import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import { openApiDocument } from '../../server/management/openapi/document.ts'
import type { JsonSchema } from '../../server/management/openapi/schemas.ts'
import type { Operation } from '../../server/management/operation.ts'
import { OPERATIONS } from '../../server/management/operations.ts'
import { describeDeployment } from '../deployments.ts'
import { type Caller, startDeployment, type TestDeployment } from '../start.ts'
import { createTenant } from '../tenants.ts'
import { chosen } from './api-clients.ts'
import { expectFields } from './problem.ts'

/** Per operation; more of them found what stands below by itself. */
const RUNS = 12

const document = openApiDocument({
  ...{ issuer: 'https://api.test', mode: 'live', operations: OPERATIONS },
  metadata: { authorization_endpoint: 'https://api.test/authorize', token_endpoint: 'https://api.test/token' },
})

interface Described {
  readonly parameters: readonly { readonly name?: string; readonly in?: string; readonly schema?: JsonSchema }[]
  readonly requestBody?: { readonly content: { readonly 'application/json': { readonly schema: JsonSchema } } }
}

const describedOf = ({ method, path }: Operation): Described =>
  document.paths[path.replaceAll(':id', '{id}')]?.[method.toLowerCase()] as unknown as Described

const deep = (depth: number): string => `${'['.repeat(depth)}${']'.repeat(depth)}`

/** As they are written: some have no other form. */
const ODD_TEXTS = [
  ...['null', 'true', 'false', '0', '-1', '-0', '1e400', '-1e400', '9007199254740993', '1e-400', '0.5', '""', '" "'],
  ...['"\\u0000"', '"a\\u0000b"', '"\\ud800"', '"\\udc00\\ud800"', '"\\u202e"', '"NaN"', '"Infinity"', '"null"', '"*"'],
  ...['"0000-00-00T00:00:00Z"', '"2030-01-31T12:00:60Z"', '"+275760-09-13T00:00:00Z"', '"2030-01-31T12:00:00Z"'],
  ...['"=HYPERLINK(1)"', '"<script>alert(1)</script>"', '"\\\\"', '"%"', '"../../etc"', '"http://[::1"', '"https://x"'],
  ...['[]', '{}', '[null]', '[[]]', '{"__proto__":{"x":1}}', '{"":""}', '{"keys":[{}]}', '{"toString":1}'],
  ...['"\\n"', '"a@b"', '"a b:c"', `"${'x'.repeat(3_000)}"`, `[${'"a",'.repeat(300)}"a"]`, deep(20_000)],
]

const anything = fc.oneof(
  // What JSON can say and PostgreSQL can't keep.
  { weight: 1, arbitrary: fc.constant('"\\u0000"') },
  { weight: 4, arbitrary: fc.constantFrom(...ODD_TEXTS) },
  { weight: 1, arbitrary: fc.json({ maxDepth: 3 }) },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 30 }).map((text) => JSON.stringify(text)) },
)

/** What the schema allows, more or less: formats and patterns are not looked at. As it is written. */
function like(schema: JsonSchema, name = ''): fc.Arbitrary<string> {
  if (schema.$ref) return like(document.components.schemas[schema.$ref.split('/').at(-1) ?? ''] ?? {}, name)
  if (schema.const !== undefined) return fc.constant(JSON.stringify(schema.const))
  if (schema.enum) return fc.constantFrom(...schema.enum).map((value) => JSON.stringify(value))
  const choices = schema.anyOf ?? schema.oneOf
  if (choices) return fc.oneof(...choices.map((choice) => like(choice, name)))
  if (KNOWN[name]) return fc.constantFrom(...KNOWN[name]).map((value) => JSON.stringify(value))
  const type = [schema.type].flat()[0]
  if (schema.properties || type === 'object') return objectLike(schema)
  if (type === 'array')
    return fc.array(odd(like(schema.items ?? {}, name), 4), { maxLength: 3 }).map((items) => `[${items}]`)
  if (type === 'boolean') return fc.constantFrom('true', 'false')
  if (type === 'integer' || type === 'number') {
    return fc.integer({ min: schema.minimum ?? 0, max: schema.maximum ?? 1_000 }).map(String)
  }
  if (type === 'null') return fc.constant('null')
  return fc
    .string({ unit: 'grapheme', minLength: schema.minLength ?? 1, maxLength: 20 })
    .map((text) => JSON.stringify(text))
}

const KNOWN: Readonly<Record<string, readonly unknown[]>> = {
  scopes: ['api-keys:read', 'example:read'],
  redirect_uris: ['https://app.example/cb', 'http://127.0.0.1/cb'],
  url: ['https://hooks.example'],
  expires_at: ['2030-01-31T12:00:00Z'],
  identifier: ['https://a.example', 'https://b.example'],
  client_secret: ['n0t-a-secret'],
  email: ['a@example.com', 'b@example.com'],
  claim: ['repository_id', 'sub', '__proto__'],
  name: ['A name'],
}

/** One in `rarity` is something else altogether. */
const odd = (arbitrary: fc.Arbitrary<string>, rarity: number): fc.Arbitrary<string> =>
  fc.oneof({ weight: rarity - 1, arbitrary }, { weight: 1, arbitrary: anything })

/** What is required mostly, what is optional sometimes, what nobody knows seldom. */
function objectLike({ properties = {}, required = [] }: JsonSchema): fc.Arbitrary<string> {
  const members = Object.entries(properties).map(([name, schema]) =>
    fc
      .tuple(fc.integer({ min: 1, max: 10 }), odd(like(schema, name), 4))
      .map(([dice, value]) => (dice > (required.includes(name) ? 1 : 6) ? [`${JSON.stringify(name)}:${value}`] : [])),
  )
  const unknown = fc.oneof(
    { weight: 15, arbitrary: fc.constant<string[]>([]) },
    {
      weight: 1,
      arbitrary: fc
        .constantFrom('"__proto__":{}', '"constructor":1', '"\\u0000":1', '"name":"twice"')
        .map((one) => [one]),
    },
  )
  return fc.tuple(...members, unknown).map((all) => `{${all.flat()}}`)
}

const queryLike = ({ parameters }: Described): fc.Arbitrary<string> => {
  const own = parameters.filter((parameter) => parameter.in === 'query')
  const values = fc.oneof(
    fc.constantFrom('', '%00', '%', '%ff', '%ed%a0%80', '1e400', 'NaN', '-1', '0', '%E2%80%AE', '2030-02-30T00:00:00Z'),
    fc.constantFrom(
      '2030-01-31T12:00:00Z',
      '+275760-09-13T00:00:00Z',
      'null',
      'true',
      '_',
      '%25',
      '%5C',
      'a'.repeat(3_000),
    ),
    fc.constantFrom(
      'OTk5OTk5OTk5OTk5OTk5IGE',
      '9'.repeat(20),
      'client_id',
      '-created_at',
      '2147483648',
      '2147483647',
      '1',
    ),
    fc.string({ unit: 'binary', maxLength: 20 }).map((text) => encodeURIComponent(text.toWellFormed())),
  )
  const names = [
    ...own.map(({ name = '' }) => name),
    ...(own.length ? ['__proto__', 'unknown', 'limit[]'] : ['unknown']),
  ]
  return fc
    .array(fc.tuple(fc.constantFrom(...names), values), { maxLength: 3 })
    .map((pairs) => pairs.map((pair) => pair.join('=')).join('&'))
}

describeDeployment('database', 'whatever is sent', (open) => {
  let deployment: TestDeployment
  let live: Caller
  let key: string
  let ids: Record<string, string>

  beforeAll(async () => {
    deployment = await startDeployment(open)
    live = deployment.nodes[0].at('live')
    ;({ key, ids } = await furnished())
  })

  async function furnished() {
    const key = (await createTenant(deployment)).keys.live.api_key
    const made = async (path: string, body: object): Promise<string> =>
      (await live.api('POST', path, key, body)).body.id
    const user = await made('/v1/service-users', { name: 'robot', role: 'admin' })
    const provider = await made('/v1/workload-providers', { platform: 'github-actions', name: 'GitHub' })
    const conditions = [{ claim: 'repository_id', op: 'equals', value: '74' }]
    const app = { name: 'Shop', type: 'confidential', redirect_uris: ['https://app.example/callback'] }
    return {
      key,
      ids: {
        'service-users': user,
        'workload-providers': provider,
        'workload-bindings': await made(`/v1/workload-providers/${provider}/bindings`, {
          service_user_id: user,
          conditions,
        }),
        'service-tokens': await made(`/v1/service-users/${user}/tokens`, { name: 'one' }),
        'api-keys': await made('/v1/api-keys', { kind: 'standard', name: 'one' }),
        'api-clients': await made('/v1/api-clients', chosen()),
        resources: await made('/v1/resources', { identifier: 'https://o.example', name: 'o', scopes: ['o:read'] }),
        apps: await made('/v1/apps', app),
        webhooks: await made('/v1/webhooks', { url: 'https://hooks.example', events: ['credential.leaked'] }),
        teams: await made('/v1/teams', { name: 'Theirs' }),
      },
    }
  }

  const pathOf = ({ path }: Operation): string =>
    path.replace(':id', ids[path.split('/')[2] ?? ''] ?? 'key_aaaaaaaaaaaa')

  const answered = async (operation: Operation, query: string, body: string | undefined) => {
    const call = live.api(operation.method, `${pathOf(operation)}${query && `?${query}`}`, key)
    const { status, text } = await (body === undefined ? call : call.set('content-type', 'application/json').send(body))
    if (status >= 500) throw new Error(`${operation.method} ${operation.path}?${query} ${body?.slice(0, 500)}: ${text}`)
    if (status === 401) ({ key, ids } = await furnished()) // it had its way
  }

  const withBody = OPERATIONS.filter(({ body }) => body)
  test.each(withBody.map((one) => [`${one.method} ${one.path}`, one] as const))('%s', async (_, operation) => {
    const schema = describedOf(operation).requestBody?.content['application/json'].schema ?? {}
    const bodies = odd(like(schema), 20)
    await fc.assert(
      fc.asyncProperty(bodies, (body) => answered(operation, '', body)),
      { numRuns: RUNS },
    )
  })

  describe('in the query', () => {
    const reads = OPERATIONS.filter(({ method }) => method === 'GET')
    test.each(reads.map((one) => [one.path, one] as const))('GET %s', async (_, operation) => {
      const queries = queryLike(describedOf(operation))
      await fc.assert(
        fc.asyncProperty(queries, (query) => answered(operation, query, undefined)),
        { numRuns: RUNS },
      )
    })
  })

  // Each of them was a 500.
  test.each([
    ['POST /v1/webhooks/:id/resend', '{"message_id":"\\u0000"}', '/message_id'],
    ['POST /v1/teams', '{"name":"T","members":["mem_a","\\u0000"]}', '/members/1'],
    ['POST /v1/workload-providers/:id/bindings', '{"service_user_id":"a\\u0000","conditions":[]}', '/service_user_id'],
    ['PATCH /v1/apps/:id', `{"jwks":{"keys":[{"x5c":${deep(20)}}]}}`, `/jwks/keys/0/x5c${'/0'.repeat(13)}`],
  ])('%s %s', async (call, body, pointer) => {
    const operation = OPERATIONS.find(({ method, path }) => call === `${method} ${path}`) as Operation
    const path = pathOf(operation)
    const answer = await live.api(operation.method, path, key).set('content-type', 'application/json').send(body)
    expectFields(answer, pointer)
  })

  test('a cursor that somebody made up', async () => {
    const cursor = Buffer.from('["client_id","\\u0000","client_aaaaaaaa"]').toString('base64url')
    expectFields(await live.api('GET', `/v1/api-clients?sort=client_id&cursor=${cursor}`, key), '?cursor')
  })

  test('a parameter that nobody knows is refused by every operation', async () => {
    for (const operation of OPERATIONS) {
      const { status } = await live.api(operation.method, `${pathOf(operation)}?unknown=1`, key, operation.body && {})
      expect([operation.method, operation.path, status]).toEqual([operation.method, operation.path, expect.any(Number)])
      expect([403, 422]).toContain(status)
    }
  })
})
