import fc from 'fast-check'
import { expect, test } from 'vitest'
import { compare, medianOf } from '../../bench/timing-statistics.ts'

/** Times as a server has them: most near the least, a long tail. Of a seed, so that a failure comes again. */
function times(random: () => number, count: number, shift = 0): Float64Array {
  const one = () => 300 + shift - 40 * Math.log(1 - random()) + (random() < 0.02 ? 5_000 * random() : 0)
  return Float64Array.from({ length: count }, one)
}

/** mulberry32. */
function generator(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

const COUNT = 4_000
const THRESHOLD = 25
const seed = fc.nat(2 ** 31)
const options = { numRuns: 5 }

test('two samples of the same are equal, whatever their tail', () => {
  fc.assert(
    fc.property(seed, (from) => {
      const random = generator(from)
      expect(compare(times(random, COUNT), times(random, COUNT), THRESHOLD, random).verdict).toBe('equal')
    }),
    options,
  )
})

test('what is slower by more than the threshold is different, in either order, and is measured', () => {
  fc.assert(
    fc.property(seed, fc.integer({ min: 50, max: 500 }), (from, shift) => {
      const random = generator(from)
      const [fast, slow] = [times(random, COUNT), times(random, COUNT, shift)]
      const there = compare(fast, slow, THRESHOLD, random)
      const back = compare(slow, fast, THRESHOLD, random)
      expect([there.verdict, back.verdict]).toEqual(['different', 'different'])
      for (const { value, interval } of there.differences) {
        expect(Math.abs(value - shift)).toBeLessThan(20)
        expect([interval[0] <= value, value <= interval[1]]).toEqual([true, true])
      }
      expect(there.superiority.value + back.superiority.value).toBeCloseTo(1)
      expect(medianOf(slow)).toBeGreaterThan(medianOf(fast))
    }),
    options,
  )
})

test('a slow path that is taken now and then shows, though no quantile moves much', () => {
  fc.assert(
    fc.property(seed, (from) => {
      const random = generator(from)
      const sometimes = times(random, COUNT).map((time) => (random() < 0.3 ? time + 1_000 : time))
      expect(compare(times(random, COUNT), sometimes, 1_000, random).verdict).toBe('different')
    }),
    options,
  )
})

test('what is too little or too noisy to tell is not taken for equal', () => {
  fc.assert(
    fc.property(seed, (from) => {
      const random = generator(from)
      const noise = () => Float64Array.from({ length: 20 }, () => 10_000 * random())
      expect(compare(noise(), noise(), THRESHOLD, random).verdict).not.toBe('equal')
    }),
    options,
  )
})
