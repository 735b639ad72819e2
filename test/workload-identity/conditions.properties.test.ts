import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { claimAt, isClaimPath } from '../../server/workload-identity/claim-path.ts'
import { evaluateConditions } from '../../server/workload-identity/conditions.ts'
import { matchesGlob } from '../../server/workload-identity/glob.ts'
import type { Claims, Condition } from '../../server/workload-identity/model.ts'
import { presetOf } from '../../server/workload-identity/presets/index.ts'
import { hostileText, mutated } from '../hostile-text.ts'

const oidc = presetOf('oidc')

/**
 * The contract's sentence, by dynamic programming over both texts, UTF-16 unit by unit: neither segments nor searches, as
 * the matcher has. `*` goes on over anything but a separator.
 */
function globs(pattern: string, text: string): boolean {
  let reached = new Set([0])
  const skipStars = (places: Set<number>) => {
    for (const place of places) if (pattern[place] === '*') places.add(place + 1)
    return places
  }
  skipStars(reached)
  for (const letter of Array.from({ length: text.length }, (_, at) => text[at] as string)) {
    const next = new Set<number>()
    for (const place of reached) {
      if (pattern[place] === '*') {
        if (letter !== ':' && letter !== '/') next.add(place)
      } else if (pattern[place] === letter) next.add(place + 1)
    }
    reached = skipStars(next)
  }
  return reached.has(pattern.length)
}

/** RFC 6901 §4, by hand. */
function pointed(value: unknown, name: string): unknown {
  if (!name.startsWith('/')) return own(value, name)
  let [found, token] = [value, '']
  for (let at = 1; at <= name.length; at++) {
    const letter = name[at]
    if (letter === '/' || letter === undefined) {
      found = own(found, token)
      token = ''
    } else if (letter === '~') {
      token += name[++at] === '1' ? '/' : '~'
    } else token += letter
  }
  return found
}
const own = (value: unknown, name: string): unknown =>
  value !== null && typeof value === 'object' && !Array.isArray(value)
    ? Object.entries(value).find(([key]) => key === name)?.[1]
    : undefined

const few = (letters: string, maxLength: number) => fc.string({ unit: fc.constantFrom(...letters), maxLength })
/** Such as platforms have them. */
const subject: fc.Arbitrary<string> = fc.constantFrom(
  'repo:octo/app:ref:refs/heads/main',
  'repo:octo@1/app@2:environment:prod',
  'system:serviceaccount:ns:sa',
  'project_path:g/p:ref_type:branch:ref:main',
)

describe('glob', () => {
  test('matches exactly what the contract says, whatever is in both', () => {
    const pattern = fc.oneof(
      few('ab*:/', 12),
      few('*a', 12),
      hostileText.map((text) => text.slice(0, 80)),
    )
    const text = fc.oneof(
      few('ab:/', 12),
      few('a', 12),
      hostileText.map((each) => each.slice(0, 80)),
    )
    fc.assert(
      fc.property(
        pattern,
        text,
        (one, other) => void expect([one, other, matchesGlob(one, other)]).toEqual([one, other, globs(one, other)]),
      ),
      { numRuns: 3_000 },
    )
  })

  test('made from a subject by putting stars into it matches it, and no other does that differs outside of them', () => {
    const starred = subject.chain((text) =>
      fc.tuple(fc.constant(text), fc.array(fc.tuple(fc.nat(text.length), fc.nat(4)), { maxLength: 3 })),
    )
    fc.assert(
      fc.property(starred, subject.chain(mutated), ([text, places], other) => {
        const pattern = [...places]
          .sort(([a], [b]) => b - a)
          .reduce((made, [at, over]) => {
            const gone = /^[^:/*]*/.exec(made.slice(at, at + over))?.[0].length ?? 0
            return `${made.slice(0, at)}*${made.slice(at + gone)}`
          }, text)
        expect([pattern, matchesGlob(pattern, text)]).toEqual([pattern, true])
        expect([pattern, other, matchesGlob(pattern, other)]).toEqual([pattern, other, globs(pattern, other)])
      }),
      { numRuns: 2_000 },
    )
  })

  test('says nothing special but the star: no character of a regular expression, no range, no escape', () => {
    const special = fc.string({ unit: fc.constantFrom(...'.+?()[]{}|^$\\-,!ab'), maxLength: 10 })
    fc.assert(
      fc.property(special, special, (one, other) => matchesGlob(one, other) === (one === other)),
      { numRuns: 1_000 },
    )
  })
})

describe('a claim', () => {
  const name = fc.oneof(
    few('ab~/01', 8),
    hostileText.map((text) => text.slice(0, 20)),
    fc.constantFrom('__proto__', 'constructor', '/a/constructor', '/__proto__/toString', '/a/length', '/a/0'),
  )
  const member = fc.oneof(fc.constantFrom('a', 'b', '~', '/', '~1', 'a/b', '__proto__', '', '0'), few('ab~/01', 4))
  const claims = fc.letrec<{ value: unknown; object: Record<string, unknown> }>((tie) => ({
    value: fc.oneof({ depthSize: 'small' }, fc.constantFrom<unknown>(1, 'x', true, null, ['x'], []), tie('object')),
    object: fc.dictionary(member, tie('value'), { maxKeys: 4, noNullPrototype: true }),
  })).object

  test('is found where RFC 6901 finds it, among own members alone', () => {
    fc.assert(
      fc.property(claims, name, (given, path) => {
        const found = claimAt(given, path)
        expect(found).toEqual(isClaimPath(path) ? pointed(given, path) : undefined)
        expect(typeof found).not.toBe('function')
      }),
      { numRuns: 3_000 },
    )
  })

  test('is found by the pointer that was made of its way, whatever it is called', () => {
    const way = fc.array(
      fc.oneof(
        hostileText.map((text) => text.slice(0, 20)),
        few('~/01', 4),
      ),
      { minLength: 1, maxLength: 4 },
    )
    fc.assert(
      fc.property(way, fc.string(), (names, value) => {
        const given = names.reduceRight<unknown>((inner, each) => Object.fromEntries([[each, inner]]), value) as Claims
        const pointer = `/${names.map((each) => each.replaceAll('~', '~0').replaceAll('/', '~1')).join('/')}`
        fc.pre(pointer !== '/')
        expect(claimAt(given, pointer)).toBe(value)
        const [first = ''] = names
        if (names.length === 1 && first !== '' && !first.startsWith('/')) expect(claimAt(given, first)).toBe(value)
      }),
      { numRuns: 1_000 },
    )
  })
})

describe('conditions', () => {
  const text = fc.oneof(
    few('ab:/', 6),
    subject,
    fc.constantFrom('', '0', '1', '74', 'true', 'false', 'null', 'NaN', 'a'),
  )
  const scalar = fc.oneof<fc.Arbitrary<string | number | boolean>[]>(text, fc.constantFrom(0, 1, -0, 74), fc.boolean())
  const got = fc.oneof<fc.Arbitrary<unknown>[]>(
    scalar,
    fc.constantFrom(null, undefined, ['a'], [['a']], { a: 'a' }, Number.NaN),
    fc.array(scalar, { maxLength: 3 }),
  )
  const claim = fc.constantFrom('a', 'b', '/c/d', 'd')
  const condition: fc.Arbitrary<Condition> = fc.oneof(
    fc.record({ claim, op: fc.constant('equals' as const), value: scalar }),
    fc.record({ claim, op: fc.constant('one_of' as const), value: fc.array(scalar, { maxLength: 3 }) }),
    fc.record({ claim, op: fc.constant('prefix' as const), value: text }),
    fc.record({ claim, op: fc.constant('glob' as const), value: fc.oneof(text, few('ab*:/', 6)) }),
  )
  const given: fc.Arbitrary<Claims> = fc.record(
    { a: got, b: got, c: fc.oneof(fc.record({ d: got }), got) },
    { requiredKeys: [] },
  )

  /** The same value of the same type; a list is nobody, as this platform has none. */
  const same = (one: unknown, other: unknown) =>
    typeof one === typeof other &&
    (one === other || (one === 0 && other === 0)) &&
    ['string', 'number', 'boolean'].includes(typeof one)
  function holds({ op, value }: Condition, claimed: unknown): boolean {
    if (op === 'equals') return same(claimed, value)
    if (op === 'one_of') return value.some((each) => same(claimed, each))
    if (typeof claimed !== 'string') return false
    return op === 'prefix' ? value.length > 0 && claimed.slice(0, value.length) === value : globs(value, claimed)
  }

  test('each hold exactly if an independent reader says so', () => {
    fc.assert(
      fc.property(condition, given, (each, claims) => {
        const [check] = evaluateConditions(oidc, [each], claims)
        expect(check?.held).toBe(holds(each, pointed(claims, each.claim)))
      }),
      { numRuns: 3_000 },
    )
  })

  test('of several are each judged as if they were alone: one more never makes another hold', () => {
    fc.assert(
      fc.property(fc.array(condition, { maxLength: 4 }), given, (all, claims) => {
        const together = evaluateConditions(oidc, all, claims).slice(0, all.length)
        const alone = all.flatMap((each) => evaluateConditions(oidc, [each], claims).slice(0, 1))
        expect(together).toEqual(alone)
      }),
      { numRuns: 500 },
    )
  })

  test('hold for a text only, if a pattern: nothing that becomes one when it is asked', () => {
    const sly = fc.constantFrom<unknown>(
      { toString: () => 'a' },
      ['a'],
      new String('a'),
      Object.assign(() => 'a', {}),
      1n,
      Symbol('a'),
    )
    fc.assert(
      fc.property(sly, (value) => {
        const patterns: Condition[] = [
          { claim: 'a', op: 'prefix', value: 'a' },
          { claim: 'a', op: 'glob', value: '*' },
          { claim: 'a', op: 'equals', value: 'a' },
        ]
        for (const each of patterns) expect(evaluateConditions(oidc, [each], { a: value })[0]?.held).toBe(false)
      }),
    )
  })
})
