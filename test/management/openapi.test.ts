import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Validator } from '@seriousme/openapi-schema-validator'
import { beforeAll, describe, expect, test } from 'vitest'
import { OPERATIONS } from '../../server/management/operations.ts'
import { BUILT_IN_SCOPES } from '../../server/tenancy/scopes.ts'
import { breachOf, underContract } from '../contract.ts'
import { describeDeployment } from '../deployments.ts'
import { startDeployment, type TestDeployment } from '../start.ts'

interface Described {
  readonly operationId: string
  readonly summary?: string
  readonly security: readonly Record<string, readonly string[]>[]
  readonly parameters: readonly { readonly $ref?: string; readonly name?: string }[]
  readonly responses: Readonly<Record<string, { readonly headers?: object; readonly content?: object }>>
}

interface Document {
  readonly openapi: string
  readonly servers: readonly { readonly url: string }[]
  readonly paths: Readonly<Record<string, Readonly<Record<string, Described>>>>
  readonly components: Readonly<Record<string, Readonly<Record<string, object>>>>
}

describeDeployment('embedded', '/v1/openapi.json', (open) => {
  let deployment: TestDeployment
  let document: Document
  beforeAll(async () => {
    deployment = await startDeployment(open)
    document = (await deployment.nodes[0].at('live').get('/v1/openapi.json')).body
  })

  const operations = () => Object.values(document.paths).flatMap((methods) => Object.values(methods))
  const schemes = () => document.components.securitySchemes ?? {}
  const at = (path: string, method: string): Described => document.paths[path]?.[method] as Described

  test('is OpenAPI 3.1, by its own schema', async () => {
    const { valid, errors } = await new Validator().validate(JSON.parse(JSON.stringify(document)))
    expect(errors).toBeUndefined()
    expect(valid).toBe(true)
    expect(document.openapi).toMatch(/^3\.1\./)
  })

  test('anyone may have it, and keep it', async () => {
    const live = deployment.nodes[0].at('live')
    const { status, headers } = await live.get('/v1/openapi.json')
    expect([status, headers['content-type'], headers['cache-control'], headers['access-control-allow-origin']]).toEqual(
      [...[200, expect.stringMatching(/^application\/json/), 'public, max-age=3600', '*']],
    )
    const again = await live.get('/v1/openapi.json', { 'if-none-match': headers.etag as string })
    expect([again.status, again.text]).toEqual([304, ''])
  })

  test('each mode’s names its own server', async () => {
    const test = deployment.nodes[0].at('test')
    expect(document.servers[0]?.url).toBe(deployment.nodes[0].at('live').issuer)
    expect((await test.get('/v1/openapi.json')).body.servers[0].url).toBe(test.issuer)
  })

  test('has every operation, each under a name of its own', () => {
    expect(operations()).toHaveLength(OPERATIONS.length)
    expect(new Set(operations().map(({ operationId }) => operationId)).size).toBe(OPERATIONS.length)
  })

  test('what must be held is a scope that there is, and said', () => {
    const { flows } = schemes().oauth2 as { flows: Record<string, { scopes: object }> }
    expect(Object.keys(flows.clientCredentials?.scopes ?? {})).toEqual(BUILT_IN_SCOPES)
    for (const { security } of operations()) {
      for (const scope of security.flatMap((scheme) => Object.values(scheme)).flat())
        expect(BUILT_IN_SCOPES).toContain(scope)
    }
  })

  test('every reference leads somewhere', () => {
    const references = JSON.stringify(document).matchAll(/"\$ref":"#\/components\/(\w+)\/(\w+)"/g)
    for (const [, kind = '', name = ''] of references) expect(document.components[kind]).toHaveProperty(name)
  })

  test('a change may be conditional, a creation repeated, a record has a tag', () => {
    const parameters = (path: string, method: string) =>
      at(path, method).parameters.map(({ $ref, name }) => name ?? $ref?.split('/').at(-1))
    expect(parameters('/v1/apps/{id}', 'patch')).toEqual(['Id', 'IfMatch'])
    expect(parameters('/v1/apps/{id}', 'get')).toEqual(['Id', 'IfNoneMatch'])
    expect(parameters('/v1/apps', 'post')).toEqual(['IdempotencyKey'])
    expect(parameters('/v1/apps', 'get')).toEqual(['cursor', 'limit', 'search'])
    expect(parameters('/v1/apps/{id}/rotate-secret', 'post')).toEqual(['Id', 'IdempotencyKey', 'IfMatch'])
    expect(parameters('/v1/workload-providers/{id}/explain', 'post')).not.toContain('IdempotencyKey')
    for (const [path, method, status] of [
      ['/v1/apps', 'post', 201],
      ['/v1/apps/{id}', 'get', 200],
      ['/v1/apps/{id}', 'patch', 200],
      ['/v1/apps/{id}/rotate-secret', 'post', 200],
      ['/v1/tenant', 'patch', 200],
    ] as const) {
      expect(at(path, method).responses[status]?.headers).toHaveProperty('ETag')
    }
    expect(at('/v1/apps', 'get').responses[200]?.headers).not.toHaveProperty('ETag')
  })

  test('a secret is in no answer but those that give it', () => {
    const shown = JSON.stringify(document.components.schemas?.App)
    expect(shown).not.toContain('secret')
    expect(JSON.stringify(document.components.schemas?.AppWithSecret)).toContain('client_secret')
  })
})

describe('the contract of all tests', () => {
  const app = { id: 'app_aaaaaaaa', path: '/v1/apps/app_aaaaaaaa' }
  const answered = (status: number, body: object, mediaType = 'application/json') =>
    breachOf({ method: 'GET', path: app.path, status, mediaType, body: JSON.stringify(body) })

  test('a member that isn’t documented is a breach, and so is one that is missing', () => {
    const problem = {
      ...{ type: 'urn:keycourt:error:not_found', title: 'Not Found', status: 404, error: 'not_found' },
      ...{ detail: 'x', request_id: 'req_1' },
    }
    const as = 'application/problem+json'
    expect(answered(404, problem, as)).toBeUndefined()
    expect(answered(404, { ...problem, more: 1 }, as)).toMatch(/additional properties/)
    expect(answered(404, { ...problem, error: 'gone' }, as)).toMatch(/allowed values/)
    expect(answered(404, problem)).toMatch(/application\/json isn't documented/)
    expect(answered(404, { ...problem, detail: undefined }, as)).toMatch(/detail/)
    expect(answered(418, problem, as)).toMatch(/418 isn't documented/)
    expect(answered(200, { id: app.id })).toMatch(/client_id/)
    expect(answered(204, {})).toMatch(/204 isn't documented/)
  })

  test('a route that nobody knows may only be refused', () => {
    const nowhere = { method: 'GET', path: '/v1/nowhere', mediaType: 'application/json', body: '{}' }
    expect(breachOf({ ...nowhere, status: 200 })).toMatch(/isn't documented/)
    expect(breachOf({ ...nowhere, status: 404 })).toMatch(/required property/)
  })

  test('a breach is answered with 599 and the reason', async () => {
    const server = createServer(
      underContract((_, response) => void response.setHeader('content-type', 'application/json').end('{"id":1}')),
    )
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const broken = await fetch(origin + app.path)
    expect([broken.status, ((await broken.json()) as { contract: string }).contract]).toEqual([
      599,
      expect.stringContaining('client_id'),
    ])
    expect((await fetch(`${origin}/elsewhere`)).status).toBe(200)
    server.close()
  })
})
