import fc from 'fast-check'
import { expect, test } from 'vitest'
import { freshFor } from '../../server/outbound/freshness.ts'
import { hostileText } from '../hostile-text.ts'

const BOUNDS = { shortest: 60_000, usual: 600_000, longest: 86_400_000 }
const NOW = 1_800_000_000_000
const bounded = (milliseconds: number) => Math.min(Math.max(milliseconds, BOUNDS.shortest), BOUNDS.longest)
const directive: fc.Arbitrary<string> = fc.constantFrom(
  'public',
  'immutable',
  'must-revalidate',
  's-maxage=7',
  'stale-while-revalidate=30',
  'x-max-age=5',
)
const spaces = fc.constantFrom('', ' ', '\t')

test('whatever an issuer says of its documents, they are kept no shorter and no longer than we will', () => {
  const header = fc.option(
    fc.oneof(
      hostileText,
      directive,
      fc.constantFrom(
        'max-age=1e9',
        'max-age=-1',
        'max-age="60"',
        'max-age=99999999999999999999',
        'no-store',
        'NO-CACHE',
        'no-cache="x"',
      ),
    ),
    { nil: undefined },
  )
  fc.assert(
    fc.property(header, header, header, (cacheControl, age, expires) => {
      const time = freshFor({ cacheControl, age, expires }, NOW, BOUNDS)
      expect([time >= BOUNDS.shortest, time <= BOUNDS.longest, Number.isNaN(time)]).toEqual([true, true, false])
    }),
    { numRuns: 2_000 },
  )
})

test('max-age counts, wherever it stands among others, less the age; no-store wherever it stands is the least', () => {
  fc.assert(
    fc.property(
      fc.array(directive, { maxLength: 3 }),
      fc.nat(3),
      fc.nat(100_000),
      fc.nat(1_000),
      spaces,
      fc.boolean(),
      (others, place, seconds, age, space, upper) => {
        const list = (item: string) =>
          others.toSpliced(place % (others.length + 1), 0, upper ? item.toUpperCase() : item).join(`${space},${space}`)
        const of = (cacheControl: string) =>
          freshFor({ cacheControl, age: String(age), expires: undefined }, NOW, BOUNDS)
        expect(of(list(`max-age=${seconds}`))).toBe(bounded((seconds - age) * 1000))
        expect(of(list(`no-store`))).toBe(BOUNDS.shortest)
        expect(of(`${list('no-cache')}, max-age=${seconds}`)).toBe(BOUNDS.shortest)
      },
    ),
    { numRuns: 1_000 },
  )
})
