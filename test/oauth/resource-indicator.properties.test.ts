import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isResourceUri, resolveResource } from '../../server/oauth/resource-indicator.ts'
import type { Tenant } from '../../server/tenancy/tenant.ts'
import { hostileText, mutated } from '../hostile-text.ts'

/** RFC 3986 §2.2 to §2.4, without `#`. */
const WRITTEN = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~:/?[]@!$&'()*+,;=%"
const ISSUER = 'https://auth.example.com'
const uri = fc.oneof(
  fc.webUrl({ withQueryParameters: true }),
  fc.constantFrom(
    'https://api.example',
    'https://api.example/',
    'https://api.example/v1',
    'https://API.example',
    'urn:example:api',
    ISSUER,
  ),
)
const identifiers = fc.uniqueArray(uri.filter(isResourceUri), { maxLength: 5 })
const tenantOf = (list: readonly string[]) =>
  ({
    id: 'ten_1',
    resources: list.map((identifier) => ({
      identifier,
      name: identifier,
      scopes: ['a:read'],
      tokenValidity: undefined,
    })),
  }) as unknown as Tenant

describe('isResourceUri (RFC 8707 §2)', () => {
  test('is absolute, has no fragment, and nothing in it that RFC 3986 does not write', () => {
    const near = uri.chain(mutated)
    fc.assert(
      fc.property(
        fc.oneof(
          uri,
          near,
          hostileText,
          hostileText.map((text) => `https://api.example/${text}`),
        ),
        (text) => {
          if (!isResourceUri(text)) return
          expect(text).not.toContain('#')
          expect(text).toMatch(/^[A-Za-z][A-Za-z0-9+.-]*:/)
          expect([...text].every((letter) => WRITTEN.includes(letter))).toBe(true)
          expect(isResourceUri(`${text}#`)).toBe(false)
        },
      ),
      { numRuns: 2_000 },
    )
  })
})

describe('resolveResource', () => {
  test('finds what is registered, to the letter but for a slash after nothing, and never another', () => {
    const asked = identifiers.chain((list) => {
      const known = fc.constantFrom(ISSUER, ...list)
      return fc.tuple(
        fc.constant(list),
        fc.oneof(
          known,
          known.map((each) => `${each}/`),
          known.chain(mutated),
          hostileText,
        ),
      )
    })
    fc.assert(
      fc.property(asked, ([list, requested]) => {
        const result = resolveResource(tenantOf(list), ISSUER, requested)
        const found = [ISSUER, ...list].filter((each) => each === requested || `${each}/` === requested)
        if (!isResourceUri(requested) || found.length === 0)
          return void expect(result).toMatchObject({ ok: false, error: { error: 'invalid_target' } })
        expect(result.ok && found.includes(result.value.identifier)).toBe(true)
      }),
      { numRuns: 2_000 },
    )
  })

  test('finds one for several that are the same, and none for different ones', () => {
    fc.assert(
      fc.property(identifiers, fc.array(fc.nat(10), { minLength: 1, maxLength: 4 }), (list, picks) => {
        const known = [ISSUER, ...list]
        const requested = picks.map((pick) => known[pick % known.length] as string)
        const result = resolveResource(tenantOf(list), ISSUER, requested)
        expect(result.ok).toBe(new Set(requested).size === 1)
        if (result.ok)
          expect(
            `${result.value.identifier}/`.startsWith(requested[0] as string) ||
              `${result.value.identifier}/` === requested[0],
          ).toBe(true)
      }),
      { numRuns: 500 },
    )
  })

  test('without any it is the default one, whatever the tenant has', () => {
    fc.assert(
      fc.property(identifiers, fc.constantFrom<undefined | string[]>(undefined, []), (list, requested) => {
        expect(resolveResource(tenantOf(list), ISSUER, requested)).toMatchObject({
          ok: true,
          value: { identifier: ISSUER },
        })
      }),
    )
  })
})
