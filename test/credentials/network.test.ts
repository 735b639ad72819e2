import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { networkOf } from '../../server/credentials/network.ts'

const groups = fc.array(fc.oneof(fc.constant(0), fc.nat(0xffff)), { minLength: 8, maxLength: 8 })
const plain = (parts: number[]) => parts.map((part) => part.toString(16)).join(':')

/** Another way to write the same address (RFC 4291 §2.2): letter case, leading zeros, `::`, the last part as IPv4, a zone. */
const spelling = fc.record({
  upper: fc.boolean(),
  padded: fc.boolean(),
  compressed: fc.nat(7),
  dotted: fc.boolean(),
  zone: fc.boolean(),
})

function spell(
  parts: number[],
  how: { upper: boolean; padded: boolean; compressed: number; dotted: boolean; zone: boolean },
) {
  const texts = parts.map((part) => part.toString(16).padStart(how.padded ? 4 : 1, '0'))
  if (how.dotted) {
    const [a, b] = parts.slice(6) as [number, number]
    texts.splice(6, 2, [a >> 8, a & 255, b >> 8, b & 255].join('.'))
  }
  const [start, length] = zeros(parts.slice(0, how.dotted ? 6 : 8), how.compressed)
  const text = length ? `${texts.slice(0, start).join(':')}::${texts.slice(start + length).join(':')}` : texts.join(':')
  return (how.upper ? text.toUpperCase() : text) + (how.zone ? '%eth0' : '')
}

/** Where the first run of zeros from `from` on begins, and how long it is. */
function zeros(parts: number[], from: number): [number, number] {
  const start = parts.findIndex((part, at) => at >= from && part === 0)
  if (start < 0) return [0, 0]
  const end = parts.findIndex((part, at) => at > start && part !== 0)
  return [start, (end < 0 ? parts.length : end) - start]
}

describe('IPv6', () => {
  test('every spelling of an address is one network [attack 75]', () => {
    fc.assert(
      fc.property(groups, spelling, (parts, how) => {
        expect(networkOf(spell(parts, how))).toBe(networkOf(plain(parts)))
      }),
      { numRuns: 2000 },
    )
  })

  test('all of a /64 is one network, and its neighbours are others [attack 75]', () => {
    fc.assert(
      fc.property(groups, groups, fc.integer({ min: 0, max: 63 }), (one, other, bit) => {
        fc.pre(one.slice(0, 5).some((part) => part !== 0))
        const same = [...one.slice(0, 4), ...other.slice(4)]
        expect(networkOf(plain(same))).toBe(networkOf(plain(one)))
        const neighbour = one.map((part, at) => (at === bit >> 4 ? part ^ (1 << (bit & 15)) : part))
        expect(networkOf(plain(neighbour))).not.toBe(networkOf(plain(one)))
      }),
    )
  })

  test.each([
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['2001:DB8:0:0:ffff::', '2001:db8:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
  ])('%s → %s', (address, network) => {
    expect(networkOf(address)).toBe(network)
  })
})

describe('IPv4', () => {
  test('an address is a network of its own, mapped into IPv6 in whatever spelling or not [attack 75]', () => {
    fc.assert(
      fc.property(fc.ipV4(), fc.boolean(), fc.boolean(), (address, upper, padded) => {
        const [a = 0, b = 0, c = 0, d = 0] = address.split('.').map(Number)
        const hex = [(a << 8) | b, (c << 8) | d]
          .map((part) => part.toString(16).padStart(padded ? 4 : 1, '0'))
          .join(':')
        for (const text of [`::ffff:${address}`, `::ffff:${hex}`, `0:0:0:0:0:ffff:${hex}`, `0000::ffff:${hex}`]) {
          expect(networkOf(upper ? text.toUpperCase() : text)).toBe(address)
        }
        expect(networkOf(address)).toBe(address)
      }),
    )
  })
})

test('what is no address (from a proxy) is its own network, without an error', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      expect(typeof networkOf(text)).toBe('string')
    }),
  )
})
