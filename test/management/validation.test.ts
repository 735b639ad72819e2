import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import { describeDeployment } from '../deployments.ts'
import { type Caller, startDeployment, type TestDeployment } from '../start.ts'
import { createTenant } from '../tenants.ts'
import { expectFields, expectProblem } from './problem.ts'

describeDeployment('database', 'validation', (open) => {
  let deployment: TestDeployment
  let live: Caller
  let key: string

  beforeAll(async () => {
    deployment = await startDeployment(open)
    live = deployment.nodes[0].at('live')
    key = (await createTenant(deployment)).keys.live.api_key
  })

  const post = (path: string, body: object | string, headers: Record<string, string> = {}) => {
    const json = typeof body === 'string' ? body : JSON.stringify(body)
    return live.form(path, json, { authorization: `Bearer ${key}`, 'content-type': 'application/json', ...headers })
  }
  const create = (body: object) => post('/v1/api-keys', { kind: 'standard', name: 'k', ...body })

  describe('mass assignment: what a caller may not say is refused, not ignored', () => {
    test.each(['tenant_id', 'tenantId', 'mode', 'id', 'created_at', 'created_by', 'api_key', 'status', 'all_scopes'])(
      '%s',
      async (field) => {
        expectFields(await create({ [field]: 'x' }), `/${field}`)
      },
    )

    test.each(['__proto__', 'constructor', 'prototype', 'toString'])('%s', async (field) => {
      const body = `{"kind":"standard","name":"k","${field}":{"hasEverything":true}}`
      expectFields(await post('/v1/api-keys', body), `/${field}`)
      expect(({} as { hasEverything?: boolean }).hasEverything).toBeUndefined()
    })

    test('in every other creation [attack 13, 14]', async () => {
      const user = (await post('/v1/service-users', { name: 'u', role: 'viewer' })).body
      for (const [path, body] of [
        ['/v1/service-users', { name: 'u', role: 'viewer' }],
        [`/v1/service-users/${user.id}/tokens`, { name: 't' }],
        ['/v1/resources', { identifier: 'https://a.example', name: 'r', scopes: ['a:b'] }],
      ] as const) {
        expectFields(await post(path, { ...body, tenant_id: 'ten_x' }), '/tenant_id')
        expectFields(await post(path, JSON.stringify(body).replace('{', '{"__proto__":1,')), '/__proto__')
      }
    })
  })

  describe('expires_at', () => {
    test.each([
      ...['2000-01-01T00:00:00Z', '0001-01-01T00:00:00Z', '1969-12-31T23:59:59Z', '', 'NaN', 'Infinity', 'tomorrow'],
      ...['2030-01-01', '2030-01-01T00:00:00', '2030-13-01T00:00:00Z', '2030-02-30T00:00:00Z', '2030-01-01T25:00:00Z'],
      ...['2030-01-01T00:00:00+25:00', '2030-01-01T00:00:00 PST', '2030-01-01T00:00:00Z\u0000', '9999-12-31T23:59:59Z'],
      ...['+275760-09-13T00:00:00Z', '-000001-01-01T00:00:00Z', '10000-01-01T00:00:00Z', '٢٠٣٠-01-01T00:00:00Z'],
      ...[0, 1e15, -1, true, {}, [], ['2030-01-01T00:00:00Z']],
    ])('%j is refused [attack 12]', async (expires_at) => {
      expectFields(await create({ expires_at }), '/expires_at')
    })

    test('this very moment is past', async () => {
      expectFields(await create({ expires_at: new Date(deployment.clock.now()).toISOString() }), '/expires_at')
    })

    test('a time that is future only in its own zone is past [attack 12]', async () => {
      const now = deployment.clock.now()
      const tomorrowThere = new Date(now + 13 * 3_600_000).toISOString().replace('Z', '+14:00')
      expectFields(await create({ expires_at: tomorrowThere }), '/expires_at')
    })

    test.each([
      ['2090-06-01T12:00:00+02:00', '2090-06-01T10:00:00.000Z'],
      ['2090-06-01T12:00:00-11:30', '2090-06-01T23:30:00.000Z'],
      ['2090-06-01T12:00:00.123456789Z', '2090-06-01T12:00:00.123Z'],
      ['2096-02-29T00:00:00Z', '2096-02-29T00:00:00.000Z'],
      ['9998-12-31T23:59:59Z', '9998-12-31T23:59:59.000Z'],
    ])('%s is kept in UTC [attack 12]', async (expires_at, kept) => {
      const { body } = await create({ expires_at })
      expect(body.expires_at).toBe(kept)
      expect((await live.api('GET', `/v1/api-keys/${body.id}`, key)).body.expires_at).toBe(kept)
    })
  })

  describe('text', () => {
    const refused: [string, string][] = [
      ['empty', ''],
      ['blank', ' \u00a0\u3000'],
      ['NUL', 'a\u0000b'],
      ['a line feed', 'a\nb'],
      ['an escape', '\u001b[31mred'],
      ['a change of direction', 'exe.\u202egnp'],
      ['an isolate', '\u2066a'],
      ['a line separator', 'a\u2028b'],
      ['half a character', '\ud800'],
      ['a long one', 'x'.repeat(101)],
    ]
    test.each(refused)('%s is no name', async (_, name) => {
      expectFields(await create({ name }), '/name')
      expectFields(await post('/v1/service-users', { name, role: 'viewer' }), '/name')
    })

    test.each([
      "Robert'); DROP TABLE client;--",
      '=HYPERLINK("https://evil.example")',
      '<script>alert(1)</script>',
      '%_\\',
      '{"$ne":null}',
      'שלום عليكم 你好 🤖',
      '\u200fplain',
    ])('%s is kept to the letter and does nothing', async (name) => {
      const { body } = await create({ name, description: name })
      const response = await live.api('GET', `/v1/api-keys/${body.id}`, key)
      expect(response.body).toMatchObject({ name, description: name })
      expect(response.headers['content-type']).toMatch(/^application\/json/)
    })

    test('whatever it is, the answer is 201 or 422', async () => {
      const text = fc.string({ unit: fc.oneof(fc.constantFrom('\u0000', '\ud800', '\u202e', "'"), fc.string()) })
      await fc.assert(
        fc.asyncProperty(text, text, fc.anything(), async (name, description, scopes) => {
          const json = JSON.stringify({ kind: 'standard', name, description, scopes }, (_, value) =>
            typeof value === 'bigint' ? String(value) : value,
          )
          expect([201, 422]).toContain((await post('/v1/api-keys', json)).status)
        }),
        { numRuns: 40 },
      )
    })
  })

  describe('fields', () => {
    test.each([
      ['/scopes', { scopes: [] }],
      ['/scopes', { scopes: 'api-keys:read' }],
      ['/scopes', { scopes: null }],
      ['/scopes/0', { scopes: ['planets:destroy'] }],
      ['/scopes/0', { scopes: ['api-keys:read api-keys:write'] }],
      ['/scopes/0', { scopes: ['a'.repeat(200)] }],
      ['/scopes/1', { scopes: ['api-keys:read', 'API-KEYS:READ'] }],
      ['/scopes', { scopes: Array(201).fill('api-keys:read') }],
      ['/scopes', { kind: 'public', scopes: ['api-keys:read'] }],
      ['/kind', { kind: 'service_user' }],
      ['/token_validity', { token_validity: 59 }],
      ['/token_validity', { token_validity: 86_401 }],
      ['/token_validity', { token_validity: 600.5 }],
      ['/token_validity', { token_validity: '600' }],
      ['/require_dpop', { require_dpop: 'yes' }],
      ['/description', { description: 'x'.repeat(501) }],
    ])('%s is wrong (%#)', async (pointer, body) => {
      expectFields(await create(body), pointer)
    })

    test('an infinite number', async () => {
      const body = '{"kind":"standard","name":"k","token_validity":1e999}'
      expectFields(await post('/v1/api-keys', body), '/token_validity')
    })

    test.each([
      ['/role', { role: 'owner' }],
      ['/role', {}],
      ['/teams', { role: 'viewer', teams: Array(51).fill('a') }],
      ['/teams/0', { role: 'viewer', teams: [''] }],
      ['/teams/0', { role: 'viewer', teams: ['a\u0000'] }],
    ])('%s of a service user is wrong (%#)', async (pointer, body) => {
      expectFields(await post('/v1/service-users', { name: 'u', ...body }), pointer)
    })

    test.each([
      ...[
        '',
        'orders',
        '/orders',
        'https://',
        'https://a.example#part',
        'https://a.example/\u0000',
        ' https://a.example',
      ],
      ...[
        'https://a.example/ b',
        'https://a.example\n',
        'https://a.example/\ud800',
        'https://a.example/é',
        `https://${'a'.repeat(300)}`,
      ],
    ])('no identifier of a resource (%#): %j', async (identifier) => {
      const body = { identifier, name: 'r', scopes: ['a:b'] }
      expectFields(await post('/v1/resources', body), '/identifier')
    })

    test.each(['a', 'a:', ':b', 'a:b:c', 'A:b', 'a:b c', 'a:b"', 'a:\u0000', `${'a'.repeat(65)}:b`, ''])(
      '%j is no scope of a resource',
      async (scope) => {
        const body = { identifier: 'https://a.example', name: 'r', scopes: ['a:b', scope] }
        expectFields(await post('/v1/resources', body), '/scopes/1')
      },
    )

    test('a thousand mistakes are not answered with a thousand pointers', async () => {
      const response = await create({ scopes: Array(10_000).fill(1) })
      expectProblem(response, 422, 'validation_failed', { fields: expect.anything() })
      expect(response.text.length).toBeLessThan(5_000)
    })
  })

  describe('body', () => {
    test.each(['', '{', '{"kind":', 'null', '[]', '"x"', '7', '{}{}', '\ufeff{}', '{"a":NaN}', '['.repeat(30_000)])(
      'no body (%#)',
      async (body) => {
        const response = await post('/v1/api-keys', body)
        expect([422, 415]).toContain(response.status)
        expect(response.body.error).toBe('validation_failed')
        expect(response.body.fields[0].pointer).toMatch(/^$|^\/(kind|name)$/)
      },
    )

    test.each(['text/plain', 'application/x-www-form-urlencoded', 'application/xml', 'json', 'multipart/form-data'])(
      'a body as %s is refused',
      async (type) => {
        const response = await post('/v1/api-keys', '{"kind":"standard","name":"k"}', { 'content-type': type })
        expect([response.status, response.body.error]).toEqual([415, 'validation_failed'])
      },
    )

    test('huge: 413, by its declared length or by what arrives', async () => {
      const response = await create({ name: 'x'.repeat(100_000) })
      expect([response.status, response.body.error]).toEqual([413, 'validation_failed'])
    })

    test('compressed: refused unread', async () => {
      const bomb = gzipSync(Buffer.alloc(1_000_000))
      for (const encoding of ['gzip', 'br', 'deflate', 'GZIP', 'identity, gzip']) {
        const response = await post('/v1/api-keys', bomb.toString('latin1'), { 'content-encoding': encoding })
        expect([response.status, response.body.error]).toEqual([415, 'validation_failed'])
      }
    })

    test('a failed creation leaves nothing behind', async () => {
      const { database } = deployment.storage
      const count = async () => [await database.client.count(), await database.standing.count()]
      const before = await count()
      await create({ name: '' })
      await create({ scopes: ['planets:destroy'] })
      expect(await count()).toEqual(before)
    })
  })
})
