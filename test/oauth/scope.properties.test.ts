import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { scopesAt } from '../../server/oauth/resource-indicator.ts'
import { narrowScope, parseScope } from '../../server/oauth/scope.ts'
import { BUILT_IN_SCOPES } from '../../server/tenancy/scopes.ts'
import { hostileText, mutated } from '../hostile-text.ts'

/** RFC 6749 §3.3, character by character: %x21 / %x23-5B / %x5D-7E. */
const isScopeCharacter = (code: number) =>
  code === 0x21 || (code >= 0x23 && code <= 0x5b) || (code >= 0x5d && code <= 0x7e)
const isToken = (text: string) =>
  text !== '' && Array.from({ length: text.length }, (_, at) => text.charCodeAt(at)).every(isScopeCharacter)

const tokenText = fc.string({
  unit: fc
    .integer({ min: 0x21, max: 0x7e })
    .filter(isScopeCharacter)
    .map((code) => String.fromCharCode(code)),
  minLength: 1,
  maxLength: 12,
})
const scope = fc.oneof(fc.constantFrom('a:read', 'a:write', 'b:read', 'c:*', ...BUILT_IN_SCOPES.slice(0, 6)), tokenText)
const scopes = fc.array(scope, { maxLength: 12 })

describe('parseScope', () => {
  test('takes exactly what RFC 6749 §3.3 writes, and gives each once in the order of its first', () => {
    const text = fc.oneof(
      scopes.map((each) => each.join(' ')),
      scopes.map((each) => each.join(' ')).chain(mutated),
      hostileText,
    )
    fc.assert(
      fc.property(text, (requested) => {
        const result = parseScope(requested)
        const tokens = requested.split(' ')
        if (requested === '') return void expect(result).toEqual({ ok: true, value: [] })
        if (!tokens.every(isToken))
          return void expect(result).toMatchObject({ ok: false, error: { error: 'invalid_scope' } })
        expect(result).toEqual({ ok: true, value: tokens.filter((token, at) => tokens.indexOf(token) === at) })
        // Once more changes nothing.
        if (result.ok) expect(parseScope(result.value.join(' '))).toEqual(result)
      }),
      { numRuns: 2_000 },
    )
  })
})

describe('narrowScope', () => {
  test('gives all where nothing is asked, exactly what is asked where all of it is there, and else nothing', () => {
    fc.assert(
      fc.property(scopes, scopes, (available, requested) => {
        const result = narrowScope(available, requested)
        const beyond = requested.filter((each) => !available.includes(each))
        if (requested.length === 0 && available.length > 0) expect(result).toEqual({ ok: true, value: available })
        else if (requested.length === 0 || beyond.length > 0)
          expect(result).toMatchObject({ ok: false, error: { error: 'invalid_scope' } })
        else expect(result).toEqual({ ok: true, value: requested })
      }),
      { numRuns: 1_000 },
    )
  })

  test('names of what is beyond nothing that the client has, and no more than fits', () => {
    const many = fc.array(fc.oneof(scope, fc.constant('x'.repeat(100))), { maxLength: 60 })
    fc.assert(
      fc.property(scopes, many, (available, requested) => {
        const result = narrowScope(available, requested)
        const named = result.ok ? undefined : result.error.scope
        if (named === undefined) return
        expect(named.length).toBeLessThanOrEqual(500)
        // The last may be cut.
        for (const each of named.split(' ').slice(0, -1))
          expect([requested.includes(each), available.includes(each)]).toEqual([true, false])
      }),
    )
  })

  test('never widens, however often it narrows', () => {
    fc.assert(
      fc.property(scopes, scopes, scopes, (available, once, twice) => {
        const first = narrowScope(available, once)
        const second = first.ok ? narrowScope(first.value, twice) : first
        if (second.ok)
          expect(
            second.value.filter((each) => !available.includes(each) || (once.length > 0 && !once.includes(each))),
          ).toEqual([])
      }),
      { numRuns: 1_000 },
    )
  })
})

describe('scopesAt', () => {
  const resource = fc
    .array(scope, { maxLength: 12 })
    .map((list) => ({ identifier: 'https://api.example', name: 'API', scopes: list, tokenValidity: undefined }))
  const person = fc
    .constantFrom('owner' as const, 'admin' as const, 'member' as const)
    .map((role) => ({ id: 'mem_1', email: 'a@b', role }))
  const client = fc.record({
    scopes: fc.oneof(fc.constant('all' as const), scopes),
    role: fc.constantFrom(undefined, 'viewer' as const, 'editor' as const, 'admin' as const),
    person: fc.option(person, { nil: undefined }),
    apiClient: fc.constantFrom(
      undefined,
      { permission: 'read' as const, active: true },
      { permission: 'edit' as const, active: true },
    ),
  })

  test('is of the resource; of the client, unless it has all or a role; and only reads where it may only read', () => {
    fc.assert(
      fc.property(resource, client, (at, who) => {
        const held = scopesAt(at, who)
        expect(held.filter((each) => !at.scopes.includes(each))).toEqual([])
        if (!who.role && who.scopes !== 'all') expect(held.filter((each) => !who.scopes.includes(each))).toEqual([])
        if (!who.role && who.apiClient?.permission === 'read')
          expect(held.filter((each) => !each.endsWith(':read'))).toEqual([])
      }),
      { numRuns: 1_000 },
    )
  })

  test('shrinks with what the client has: fewer scopes, a person behind it, or a permission to read alone give no more', () => {
    fc.assert(
      fc.property(resource, client, scopes, person, (at, who, fewer, somebody) => {
        const most = scopesAt(at, who)
        const less = [
          { ...who, scopes: who.scopes === 'all' ? fewer : who.scopes.filter((each) => fewer.includes(each)) },
          { ...who, person: who.person ?? somebody },
          { ...who, apiClient: { permission: 'read' as const, active: true } },
        ]
        for (const each of less) expect(scopesAt(at, each).filter((one) => !most.includes(one))).toEqual([])
      }),
      { numRuns: 1_000 },
    )
  })

  test('grows from viewer to editor to admin, and from member to admin to owner', () => {
    fc.assert(
      fc.property(resource, (at) => {
        const none = { scopes: 'all' as const, role: undefined, person: undefined, apiClient: undefined }
        const roles = (['viewer', 'editor', 'admin'] as const).map((role) => scopesAt(at, { ...none, role }))
        const people = (['member', 'admin', 'owner'] as const).map((role) =>
          scopesAt(at, { ...none, person: { id: 'm', email: 'e', role } }),
        )
        for (const [least = [], middle = [], most = []] of [roles, people]) {
          expect(least.filter((each) => !middle.includes(each))).toEqual([])
          expect(middle.filter((each) => !most.includes(each))).toEqual([])
        }
      }),
    )
  })
})
