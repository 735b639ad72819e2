import fc from 'fast-check'
import { expect, test } from 'vitest'
import { networkOf, siteOf } from '../../server/credentials/network.ts'
import { hostileText, mutated } from '../hostile-text.ts'

const groups = fc.array(fc.oneof(fc.constant(0), fc.nat(0xffff)), { minLength: 8, maxLength: 8 })
const address = (parts: readonly number[]) => parts.map((part) => part.toString(16)).join(':')
/** IPv4 in IPv6 is counted as what it is. */
const isIPv4 = (parts: readonly number[]) => parts.slice(0, 5).every((part) => part === 0)

test('whatever a proxy sends has a network and a site, always the same, and no error', () => {
  const near = fc.oneof(groups.map(address), fc.ipV4(), fc.ipV6()).chain(mutated)
  fc.assert(
    fc.property(fc.oneof(hostileText, near), (text) => {
      expect(typeof networkOf(text)).toBe('string')
      expect([networkOf(text), siteOf(text)]).toEqual([networkOf(text), siteOf(text)])
    }),
    { numRuns: 1_000 },
  )
})

test('a name is counted in memory and stores: it never grows beyond the address', () => {
  fc.assert(
    fc.property(fc.oneof(hostileText, fc.ipV6()), (text) => networkOf(text).length <= Math.max(text.length, 64)),
  )
})

test('all of a /48 is one site, and its neighbours are others', () => {
  fc.assert(
    fc.property(groups, groups, fc.integer({ min: 0, max: 47 }), (one, other, bit) => {
      fc.pre(!isIPv4(one))
      const neighbour = one.map((part, at) => (at === bit >> 4 ? part ^ (1 << (bit & 15)) : part))
      fc.pre(!isIPv4(neighbour))
      const same = [...one.slice(0, 3), ...other.slice(3)]
      fc.pre(!isIPv4(same))
      expect(siteOf(address(same))).toBe(siteOf(address(one)))
      expect(siteOf(address(neighbour))).not.toBe(siteOf(address(one)))
    }),
    { numRuns: 500 },
  )
})

test('an IPv4 address is a site of its own', () => {
  fc.assert(fc.property(fc.ipV4(), (text) => siteOf(text) === text && siteOf(`::ffff:${text}`) === text))
})
