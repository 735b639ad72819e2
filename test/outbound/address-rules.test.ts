import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isPublic } from '../../server/outbound/address-rules.ts'
import { createOutbound } from '../../server/outbound/outbound.ts'
import { dnsOf } from './origin.ts'

/** The ranges as first and last address, so that no prefix arithmetic of ours is tested by itself. */
const SPECIAL_IPV4 = [
  ['0.0.0.0', '0.255.255.255'],
  ['10.0.0.0', '10.255.255.255'],
  ['100.64.0.0', '100.127.255.255'],
  ['127.0.0.0', '127.255.255.255'],
  ['168.63.129.16', '168.63.129.16'],
  ['169.254.0.0', '169.254.255.255'],
  ['172.16.0.0', '172.31.255.255'],
  ['192.0.0.0', '192.0.0.255'],
  ['192.0.2.0', '192.0.2.255'],
  ['192.88.99.0', '192.88.99.255'],
  ['192.168.0.0', '192.168.255.255'],
  ['198.18.0.0', '198.19.255.255'],
  ['198.51.100.0', '198.51.100.255'],
  ['203.0.113.0', '203.0.113.255'],
  ['224.0.0.0', '255.255.255.255'],
].map((range) => range.map(numberOf)) as [number, number][]

function numberOf(dotted: string): number {
  return dotted.split('.').reduce((sum, part) => sum * 256 + Number(part), 0)
}

const dotted = (address: number) => [24, 16, 8, 0].map((shift) => (address >>> shift) & 255).join('.')
const isSpecial = (address: number) => SPECIAL_IPV4.some(([first, last]) => address >= first && address <= last)
const hex = (...parts: number[]) => parts.map((part) => part.toString(16)).join(':')

const within = ([first, last]: [number, number]) =>
  fc.oneof(fc.constant(first), fc.constant(last), fc.integer({ min: first, max: last }))
const specialIPv4 = fc.constantFrom(...SPECIAL_IPV4).chain(within)
const group = fc.oneof(fc.constant(0), fc.constant(0xffff), fc.nat(0xffff))
const groups = (length: number) => fc.array(group, { minLength: length, maxLength: length })

/** An IPv6 address that leads to an IPv4 one: mapped, compatible, NAT64 in both prefixes, 6to4, Teredo. */
const disguises: ((high: number, low: number) => string)[] = [
  (high, low) => `::ffff:${hex(high, low)}`,
  (high, low) => `0:0:0:0:0:FFFF:${hex(high, low)}`,
  (high, low) => `::${hex(high, low)}`,
  (high, low) => `64:ff9b::${hex(high, low)}`,
  (high, low) => `64:ff9b:1::${hex(high, low)}`,
  (high, low) => `2002:${hex(high, low)}::1`,
  (high, low) => `2001:0:${hex(high, low)}::1`,
]

const specialIPv6 = fc.oneof(
  fc.constantFrom('::', '::1', '5f00::1', 'fd00:ec2::254', 'fe80::1%eth0'),
  // RFC 4291 §2.4: whatever is outside 2000::/3. 64:ff9b::/96 is a matter of its own.
  fc
    .tuple(group, groups(7))
    .filter(([first]) => first >> 13 !== 1 && first !== 0x64)
    .map(([first, rest]) => hex(first, ...rest)),
  fc.tuple(fc.nat(0x1ff), groups(6)).map(([second, rest]) => hex(0x2001, second, ...rest)),
  groups(6).map((rest) => hex(0x2001, 0xdb8, ...rest)),
  groups(7).map((rest) => hex(0x2002, ...rest)),
  fc.tuple(fc.nat(0xfff), groups(6)).map(([second, rest]) => hex(0x3fff, second, ...rest)),
  fc
    .tuple(specialIPv4, fc.constantFrom(...disguises))
    .map(([address, disguise]) => disguise(address >>> 16, address & 0xffff)),
)

const specialAddress = fc.oneof(specialIPv4.map(dotted), specialIPv6)

describe('no special address is ever reached', () => {
  test('RFC 6890: none is public, in any disguise', () => {
    fc.assert(
      fc.property(specialAddress, (address) => {
        expect(isPublic(address)).toBe(false)
      }),
      { numRuns: 5_000 },
    )
  })

  test('one of them among public ones spoils the host, wherever it stands', async () => {
    const place = fc.tuple(
      specialAddress,
      fc.nat(2),
      fc.array(fc.constantFrom<string[]>('1.1.1.1', '2606:4700::1111'), { maxLength: 2 }),
    )
    await fc.assert(
      fc.asyncProperty(place, async ([special, at, addresses]) => {
        const outbound = createOutbound({ allow: [], resolvers: dnsOf(addresses.toSpliced(at, 0, special)) })
        const fetched = await outbound.getJson('https://origin.test/', { limit: 10, timeout: 5_000 })
        expect(fetched).toEqual({ ok: false, reason: 'forbidden_address' })
      }),
      { numRuns: 500 },
    )
  })
})

describe('every other address is public', () => {
  test('IPv4, also through NAT64 (RFC 6052 §2.1)', () => {
    fc.assert(
      fc.property(fc.nat(0xffffffff), (address) => {
        expect(isPublic(dotted(address))).toBe(!isSpecial(address))
        expect(isPublic(`64:ff9b::${dotted(address)}`)).toBe(!isSpecial(address))
      }),
      { numRuns: 2_000 },
    )
  })

  test('the neighbours of each range', () => {
    const neighbours = SPECIAL_IPV4.flatMap(([first, last]) => [first - 1, last + 1])
    const usual = neighbours.filter((address) => address > 0 && address <= 0xffffffff && !isSpecial(address))
    expect(usual.length).toBeGreaterThan(20)
    for (const address of usual) expect([dotted(address), isPublic(dotted(address))]).toEqual([dotted(address), true])
  })

  test.each([
    '2000::',
    '2001:200::',
    '2001:4860:4860::8888',
    '2001:db9::',
    '2003::',
    '2606:4700::1111',
    '3ffe::1',
    '3fff:1000::',
  ])('%s', (address) => {
    expect(isPublic(address)).toBe(true)
  })
})

test.each([
  '',
  'localhost',
  '1.1.1',
  '1.1.1.1.',
  '01.1.1.1',
  '2606:4700::1111%eth0',
  '[2606:4700::1111]',
  '1.1.1.1/32',
])('what is no address is not public: "%s"', (text) => {
  expect(isPublic(text)).toBe(false)
})
