import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isSameTarget } from '../../server/oauth/htu.ts'
import { hostileText, mutated } from '../hostile-text.ts'

const segment = fc
  .string({ unit: fc.constantFrom(..."azAZ09-._~!$&'()*+,;=:@"), maxLength: 8 })
  .filter((text) => !/^\.{1,2}$/.test(text))
const path = fc.array(segment, { maxLength: 4 }).map((segments) => `/${segments.join('/')}`)
const scheme = fc.constantFrom('http', 'https')
const host = fc.constantFrom('auth.example.com', 'localhost', '127.0.0.1', '[::1]', 'a.b')
const port = fc.constantFrom('', ':80', ':443', ':8443')
const target = fc.record({ scheme, host, port, path })
type Target = { scheme: string; host: string; port: string; path: string }
const write = (each: Target) => `${each.scheme}://${each.host}${each.port}${each.path}`

const DEFAULT: Record<string, string> = { http: ':80', https: ':443' }
/** What a target is, whichever way it was written. */
const identity = (each: Target) => [each.scheme, each.host, each.port || DEFAULT[each.scheme], each.path].join(' ')

/** RFC 3986 §6.2.2: ways to write the same. */
const spelling = fc.record({
  upper: fc.boolean(),
  port: fc.boolean(),
  percent: fc.nat(),
  encode: fc.boolean(),
  lower: fc.boolean(),
  dots: fc.boolean(),
  tail: fc.constantFrom('', '?a=b', '#f', '?a#b', '?', '#'),
})

function respell(
  each: Target,
  how: { upper: boolean; port: boolean; percent: number; encode: boolean; lower: boolean; dots: boolean; tail: string },
): string {
  const [front, authority] = [each.scheme, each.host].map((text) => (how.upper ? text.toUpperCase() : text))
  const at = each.port === '' && how.port ? DEFAULT[each.scheme] : each.port
  const place = how.percent % each.path.length
  const letter = each.path[place] as string
  const code = letter.charCodeAt(0).toString(16).padStart(2, '0')
  const isUnreserved = /[A-Za-z0-9._~-]/.test(letter)
  const encoded =
    how.encode && isUnreserved
      ? `${each.path.slice(0, place)}%${how.lower ? code : code.toUpperCase()}${each.path.slice(place + 1)}`
      : each.path
  return `${front}://${authority}${at}${how.dots ? `/x/..${encoded}` : encoded}${how.tail}`
}

describe('isSameTarget (RFC 9449 §4.3, check 9)', () => {
  test('is true of every spelling of the same, with any query and fragment', () => {
    fc.assert(
      fc.property(target, spelling, spelling, (each, one, other) => {
        expect([respell(each, one), isSameTarget(respell(each, one), respell(each, other))]).toEqual([
          respell(each, one),
          true,
        ])
      }),
      { numRuns: 2_000 },
    )
  })

  test('is false of every other', () => {
    fc.assert(
      fc.property(target, target, spelling, spelling, (one, other, how, that) => {
        expect(isSameTarget(respell(one, how), respell(other, that))).toBe(identity(one) === identity(other))
      }),
      { numRuns: 2_000 },
    )
  })

  test('is false of an encoded separator, which is no separator', () => {
    fc.assert(
      fc.property(
        target.filter(({ path: text }) => text.length > 1),
        (each) => {
          const encoded = `/${each.path.slice(1).replaceAll('/', '%2F')}`
          expect(isSameTarget(write({ ...each, path: encoded }), write(each))).toBe(encoded === each.path)
        },
      ),
    )
  })

  test('goes both ways, and never throws', () => {
    const near = target.map(write).chain(mutated)
    const any = fc.oneof(
      near,
      target.map(write),
      hostileText,
      hostileText.map((text) => `https://auth.example.com${text}`),
    )
    fc.assert(
      fc.property(any, any, target, (one, other, each) => {
        expect(isSameTarget(one, other)).toBe(isSameTarget(other, one))
        // What is the same as something is the same as itself.
        if (isSameTarget(one, write(each))) expect(isSameTarget(one, one)).toBe(true)
      }),
      { numRuns: 2_000 },
    )
  })

  test('is false of what no URL is written in, however a parser would mend it', () => {
    const odd = fc.constantFrom('\t', '\n', ' ', '\\', '\u0000', '\ufeff', '<', '"', '|', '^', '`', 'é', '\ud800')
    fc.assert(
      fc.property(target.map(write), odd, fc.nat(), (url, letter, at) => {
        const place = at % (url.length + 1)
        expect(isSameTarget(url.slice(0, place) + letter + url.slice(place), url)).toBe(false)
      }),
      { numRuns: 1_000 },
    )
  })
})
