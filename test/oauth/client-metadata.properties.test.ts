import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isClientIdUrl, looksLikeUrl } from '../../server/oauth/client-metadata/client-id-url.ts'
import { parseDocument } from '../../server/oauth/client-metadata/document.ts'
import { wrongRedirectUri } from '../../server/oauth/redirect-uri.ts'
import { hasControl, hostileText, mutated } from '../hostile-text.ts'

const URL_OF = 'https://app.example/client.json'
const never = () => false

describe('a client_id that is a URL', () => {
  const url = fc.oneof(
    fc.webUrl({ validSchemes: ['https'] }),
    fc.constantFrom(URL_OF, 'https://app.example/', 'https://app.example/a/b', 'https://[2001:db8::1]/x'),
  )

  test('is one that a parser leaves as it is: no user, no query, no fragment, no way up', () => {
    const odd = fc.constantFrom(
      'https://app.example',
      'HTTPS://app.example/',
      'https://APP.example/',
      'https://app.example:443/',
      'https://app.example/a/../b',
      'https://app.example/%2e%2e/b',
      'https://u@app.example/',
      'https://app.example/?',
      'https://app.example/#',
      'https://app.example/a\\b',
      'https://app.example/\tb',
      'https:/app.example/',
      'https://ａpp.example/',
      'http://app.example/',
    )
    fc.assert(
      fc.property(
        fc.oneof(
          url,
          url.chain(mutated),
          odd,
          odd.chain(mutated),
          hostileText.map((text) => `https://app.example/${text}`),
          hostileText,
        ),
        (text) => {
          if (!isClientIdUrl(text, never)) return
          const { href, protocol, username, password, search, hash, pathname } = new URL(text)
          expect([href, protocol, username, password, search, hash]).toEqual([text, 'https:', '', '', '', ''])
          expect([
            text.includes('#'),
            text.includes('?'),
            hasControl(text),
            text.length <= 500,
            looksLikeUrl(text),
          ]).toEqual([false, false, false, true, true])
          expect(
            pathname.split('/').filter((segment) => ['.', '..', '%2e', '%2e%2e'].includes(segment.toLowerCase())),
          ).toEqual([])
        },
      ),
      { numRuns: 3_000 },
    )
    for (const text of ['https://app.example', 'https://app.example/a/../b', 'https://app.example:443/'])
      expect(isClientIdUrl(text, never)).toBe(false)
    fc.assert(
      fc.property(url, (text) => isClientIdUrl(text, never) === (new URL(text).href === text && text.length <= 500)),
    )
  })

  test('is plain only where the operator allows that very host', () => {
    fc.assert(
      fc.property(url, fc.boolean(), (text, allowed) => {
        const plain = text.replace(/^https:/, 'http:')
        fc.pre(new URL(plain).href === plain && !/^http:\/\/[^/]*:80\//.test(plain))
        expect(isClientIdUrl(plain, () => allowed)).toBe(allowed && plain.length <= 500)
      }),
    )
  })
})

describe('the document', () => {
  const redirect = fc.oneof(
    fc.constantFrom(
      'https://app.example/cb',
      'http://127.0.0.1/cb',
      'com.example.app:/cb',
      'javascript:alert(1)',
      'https://u@app.example/cb',
      'http://app.example/cb',
    ),
    hostileText,
  )
  const any = fc.oneof(hostileText, fc.jsonValue({ maxDepth: 2 }))
  const good = fc.record(
    {
      client_id: fc.constant(URL_OF),
      redirect_uris: fc.array(fc.constantFrom('https://app.example/cb', 'http://127.0.0.1/cb', 'com.example.app:/cb'), {
        minLength: 1,
        maxLength: 20,
      }),
      client_name: any,
      client_uri: fc.oneof(
        any,
        fc.constantFrom('https://app.example/', 'https://app.example:444/', 'https://evil.example/', 'javascript:1'),
      ),
      scope: fc.constantFrom('a', 'a b', 'openid a:read'),
      logo_uri: any,
    },
    { requiredKeys: ['client_id', 'redirect_uris'], noNullPrototype: true },
  )

  test('that is good says what it says; what is only shown is plain, or left out', () => {
    fc.assert(
      fc.property(good, (document) => {
        const parsed = parseDocument(document, URL_OF, 1)
        expect(parsed.ok).toBe(true)
        if (!parsed.ok) return
        const { name, homepage, redirectUris, scopes, url } = parsed.value
        expect([url, redirectUris, scopes]).toEqual([URL_OF, document.redirect_uris, document.scope?.split(' ')])
        expect([name === document.client_name || name === 'app.example', hasControl(name), name.trim() === '']).toEqual(
          [true, false, false],
        )
        expect(homepage === undefined || new URL(homepage).origin === 'https://app.example').toBe(true)
      }),
      { numRuns: 1_000 },
    )
  })

  test('with anything in the place of one member is refused without a word of it, or harmless', () => {
    const member = fc.constantFrom(
      'client_id',
      'redirect_uris',
      'token_endpoint_auth_method',
      'grant_types',
      'response_types',
      'scope',
      'client_name',
      'client_uri',
      'jwks',
      'client_secret',
      '__proto__',
    )
    const value = fc.oneof(
      any,
      fc.array(redirect, { maxLength: 3 }),
      fc.constantFrom('none', 'client_secret_basic', ['implicit'], ['authorization_code']),
      fc.record({
        keys: fc.array(fc.dictionary(fc.constantFrom('d', 'k', 'x', 'kty'), fc.string()), { maxLength: 2 }),
      }),
    )
    fc.assert(
      fc.property(good, member, value, (document, name, given) => {
        const parsed = parseDocument({ ...document, [name]: given }, URL_OF, 1)
        if (!parsed.ok) {
          expect(parsed.error).toMatchObject({ error: 'invalid_client', reason: 'document_invalid' })
          if (typeof given === 'string' && given.length > 20) expect(parsed.error.description).not.toContain(given)
          return
        }
        expect([name === 'client_id' && given !== URL_OF, name === 'client_secret']).toEqual([false, false])
        for (const uri of parsed.value.redirectUris) expect(wrongRedirectUri(uri, 'public')).toBeUndefined()
      }),
      { numRuns: 2_000 },
    )
  })

  test('that is anything at all is refused', () => {
    fc.assert(
      fc.property(fc.oneof(any, fc.anything()), (value) => !parseDocument(value, URL_OF, 1).ok),
      { numRuns: 1_000 },
    )
  })

  test('of another URL is not that one’s, be it one character', () => {
    fc.assert(
      fc.property(
        mutated(URL_OF),
        (text) => !parseDocument({ client_id: text, redirect_uris: ['https://app.example/cb'] }, URL_OF, 1).ok,
      ),
    )
  })
})
