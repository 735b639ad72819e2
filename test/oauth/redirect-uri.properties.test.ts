import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isRegisteredRedirectUri, redirectKind, wrongRedirectUri } from '../../server/oauth/redirect-uri.ts'
import { hostileText, mutated } from '../hostile-text.ts'

const HOSTS = ['127.0.0.1', '[::1]', 'localhost']
const port = fc.oneof(
  fc.constant(''),
  fc.integer({ min: 0, max: 65_535 }).map((each) => `:${each}`),
)
const path = fc.oneof(fc.constantFrom('', '/', '/cb', '/cb/', '/a/b', '/cb?x=1', '?x=1', '/a%2Fb', '//x', '/:1'))
const loopback = fc
  .tuple(fc.constantFrom(...HOSTS), port, path)
  .map(([host, at, rest]) => ({ host, at, rest, uri: `http://${host}${at}${rest}` }))
const web = fc.oneof(
  fc.webUrl({ withQueryParameters: true }).map((url) => url.replace(/^http:/, 'https:')),
  fc.constantFrom('https://app.example/cb', 'https://app.example', 'com.example.app:/cb', 'com.example.app://x'),
)
const registered = fc.array(
  fc.oneof(
    web,
    loopback.map(({ uri }) => uri),
  ),
  { maxLength: 4 },
)

/** RFC 8252 §7.3 without any parser of URLs: what stands before and after the port, where there may be one. */
function withoutPort(uri: string): string | undefined {
  const host = HOSTS.find((each) => uri.startsWith(`http://${each}`))
  if (host === undefined) return undefined
  const rest = uri.slice(`http://${host}`.length)
  const end = [...rest].findIndex((letter) => letter === '/' || letter === '?')
  const at = end < 0 ? rest : rest.slice(0, end)
  const isPort =
    at === '' ||
    (at.startsWith(':') &&
      at.length > 1 &&
      at.length <= 6 &&
      [...at.slice(1)].every((digit) => digit >= '0' && digit <= '9') &&
      Number(at.slice(1)) <= 65_535)
  const tail = end < 0 ? '' : rest.slice(end)
  return isPort ? `${host} ${tail || '/'}` : undefined
}

describe('what is registered', () => {
  test('is what is there to the letter; of a loopback address with any port; and nothing else (RFC 9700 §2.1)', () => {
    const asked = registered.chain((list) => {
      const known = fc.constantFrom('https://app.example/cb', ...list)
      return fc.tuple(
        fc.constant(list),
        fc.oneof(
          known,
          known.chain(mutated),
          loopback.map(({ uri }) => uri),
          loopback.chain(({ uri }) => mutated(uri)),
          hostileText,
        ),
      )
    })
    fc.assert(
      fc.property(asked, ([list, presented]) => {
        const same = withoutPort(presented)
        // What is no redirect URI at all matches nothing by its port.
        const byPort =
          same !== undefined &&
          redirectKind(presented) === 'loopback' &&
          list.some((uri) => redirectKind(uri) === 'loopback' && withoutPort(uri) === same)
        expect(isRegisteredRedirectUri(list, presented)).toBe(list.includes(presented) || byPort)
      }),
      { numRuns: 3_000 },
    )
  })

  test('of a loopback address goes with every port there is', () => {
    fc.assert(
      fc.property(loopback, port, ({ host, rest, uri }, other) => {
        fc.pre(redirectKind(uri) === 'loopback')
        expect(isRegisteredRedirectUri([uri], `http://${host}${other}${rest}`)).toBe(true)
      }),
      { numRuns: 500 },
    )
  })

  test('of one loopback name says nothing about another, nor about another path', () => {
    fc.assert(
      fc.property(loopback, loopback, (one, other) => {
        fc.pre(one.host !== other.host || (one.rest || '/') !== (other.rest || '/'))
        expect(isRegisteredRedirectUri([one.uri], other.uri)).toBe(false)
      }),
      { numRuns: 500 },
    )
  })
})

describe('what may be registered', () => {
  test('leads to no script, file or other host: a browser goes where the text says', () => {
    const near = fc
      .oneof(
        web,
        loopback.map(({ uri }) => uri),
      )
      .chain(mutated)
    const schemes = fc.tuple(
      fc.constantFrom(
        'javascript',
        'data',
        'file',
        'http',
        'https',
        'HTTPS',
        'ftp',
        'app',
        'com.example',
        'blob',
        'view-source',
        'ws',
      ),
      fc.constantFrom(':', '://', ':/', ':\\\\'),
      fc.oneof(
        hostileText.map((text) => text.slice(0, 2_000)),
        fc.constantFrom('app.example/cb', '127.0.0.1', 'localhost:1', 'user@app.example', 'x#y'),
      ),
    )
    fc.assert(
      fc.property(
        fc.oneof(
          near,
          web,
          hostileText,
          schemes.map((parts) => parts.join('')),
        ),
        (uri) => {
          const kind = redirectKind(uri)
          if (kind === undefined) return void expect(wrongRedirectUri(uri, 'public')).toBeDefined()
          const url = new URL(uri)
          expect([url.username, url.password, url.hash, uri.includes('#')]).toEqual(['', '', '', false])
          expect(/[\s\\<>"^`{|}]/.test(uri)).toBe(false)
          if (kind === 'https')
            expect([uri.startsWith(url.origin), url.protocol, HOSTS.includes(url.hostname)]).toEqual([
              true,
              'https:',
              false,
            ])
          if (kind === 'loopback')
            expect([uri.startsWith(url.origin), url.protocol, HOSTS.includes(url.hostname)]).toEqual([
              true,
              'http:',
              true,
            ])
          if (kind === 'private_use') expect(url.protocol.slice(0, -1)).toContain('.')
          expect(wrongRedirectUri(uri, 'confidential') === undefined).toBe(kind === 'https')
        },
      ),
      { numRuns: 3_000 },
    )
  })
})
