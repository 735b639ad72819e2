import fc from 'fast-check'
import { expect, test } from 'vitest'
import { randomBase32, randomBase62, toBase62 } from '../../server/credentials/base62.ts'

/** Pearson's χ² of the counts of `letters` in `text` against all being equally likely. */
function chiSquared(text: string, letters: string): number {
  const expected = text.length / letters.length
  const counts = new Map([...letters].map((letter) => [letter, 0]))
  for (const letter of text) counts.set(letter, (counts.get(letter) ?? Number.NaN) + 1)
  return [...counts.values()].reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0)
}

/** As credentials are drawn: a few letters at a time. */
const drawn = (random: (length: number) => string): string => Array.from({ length: 4_000 }, () => random(50)).join('')

const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const BASE32 = 'abcdefghijklmnopqrstuvwxyz234567'

// One in a million healthy generators exceeds these: 61 and 31 degrees of freedom. `byte % 62` would reach about 1,500.
test('every digit is as likely as any other', () => {
  expect(chiSquared(drawn(randomBase62), BASE62)).toBeLessThan(125)
  expect(chiSquared(drawn(randomBase32), BASE32)).toBeLessThan(82)
})

test('at every place', () => {
  const texts = Array.from({ length: 20_000 }, () => randomBase62(10))
  for (let place = 0; place < 10; place++) {
    expect(chiSquared(texts.map((text) => text[place]).join(''), BASE62)).toBeLessThan(135)
  }
})

test('exactly as long as asked, and never the same twice', () => {
  for (const length of [0, 1, 43, 4096, 10_000]) expect(randomBase62(length)).toHaveLength(length)
  expect(new Set(Array.from({ length: 100_000 }, () => randomBase62(12))).size).toBe(100_000)
})

test('toBase62 can be read back, and keeps its length', () => {
  fc.assert(
    fc.property(fc.nat(2 ** 32 - 1), (value) => {
      const text = toBase62(value, 6)
      expect(text).toHaveLength(6)
      expect([...text].reduce((sum, digit) => sum * 62 + BASE62.indexOf(digit), 0)).toBe(value)
    }),
  )
  expect(toBase62(2 ** 32 - 1, 6)).toBe('4gfFC3')
  expect(toBase62(0, 6)).toBe('000000')
})
