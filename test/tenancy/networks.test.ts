import { describe, expect, test } from 'vitest'
import { canonicalNetwork, isAllowedFrom } from '../../server/tenancy/networks.ts'
import { strictest } from '../../server/tenancy/security-tier.ts'

describe('a network in its one spelling', () => {
  test.each([
    ['10.1.2.3/8', '10.0.0.0/8'],
    ['10.1.2.3', '10.1.2.3'],
    ['10.1.2.3/32', '10.1.2.3'],
    ['0.0.0.0/0', '0.0.0.0/0'],
    ['2001:DB8:0:0::1/64', '2001:db8::/64'],
    ['2001:db8::1/128', '2001:db8::1'],
    ['::', '::'],
    ['::/0', '::/0'],
    ['::ffff:10.1.2.3', '10.1.2.3'],
    ['::ffff:a01:203/104', '10.0.0.0/8'],
    ['64:ff9b::1.2.3.4', '64:ff9b::102:304'],
  ])('%s is %s', (text, canonical) => {
    expect(canonicalNetwork(text)).toBe(canonical)
    expect(canonicalNetwork(canonical)).toBe(canonical)
  })

  test.each([
    ...['', '/', '/8', 'a', 'localhost', '1.2.3', '01.2.3.4', '1.2.3.4/33', '1.2.3.4/032', '1.2.3.4/-1', '1.2.3.4/'],
    ...['1.2.3.4/8/8', ' 1.2.3.4', '1::2::3', '2001:db8::/129', 'fe80::1%eth0', '[::1]', '1.2.3.4:80'],
  ])('“%s” is none', (text) => {
    expect(canonicalNetwork(text)).toBeUndefined()
  })
})

describe('where a credential may be used from', () => {
  test.each([
    [[], '192.0.2.1', true],
    [[[]], '192.0.2.1', true],
    [[['10.0.0.0/8']], '10.2.3.4', true],
    [[['10.0.0.0/8']], '11.2.3.4', false],
    [[['10.0.0.0/8']], '::ffff:10.2.3.4', true],
    [[['10.0.0.0/8']], '::FFFF:a02:304', true],
    [[['2001:db8::/32']], '2001:DB8:0::1', true],
    [[['2001:db8::/32']], '2001:db9::1', false],
    [[['fe80::/10']], 'fe80::1%eth0', true],
    [[['::/0']], '10.2.3.4', false],
    [[['0.0.0.0/0']], '::1', false],
    [[['10.0.0.0/8'], ['10.1.0.0/16']], '10.1.2.3', true],
    [[['10.0.0.0/8'], ['10.1.0.0/16']], '10.2.2.3', false],
    [[['10.0.0.0/8'], []], '10.2.2.3', true],
    [[['0.0.0.0/0']], '', false],
    [[['0.0.0.0/0']], 'unknown', false],
  ])('%j, from %s: %s', (lists, address, allowed) => {
    expect(isAllowedFrom(lists, address)).toBe(allowed)
  })
})

test('of two tiers the stricter holds, in each regard', () => {
  const none = { requireDpop: false, allowedNetworks: [], maxTokenValidity: null }
  expect(strictest([none, none])).toEqual({ requireDpop: false, allowedNetworks: [], maxTokenValidity: undefined })
  const one = { requireDpop: true, allowedNetworks: ['10.0.0.0/8'], maxTokenValidity: 900 }
  const other = { requireDpop: false, allowedNetworks: ['192.0.2.0/24'], maxTokenValidity: 600 }
  const both = { requireDpop: true, allowedNetworks: [['10.0.0.0/8'], ['192.0.2.0/24']], maxTokenValidity: 600 }
  expect(strictest([one, other])).toEqual(both)
  expect(strictest([none, one])).toEqual({ ...both, allowedNetworks: [['10.0.0.0/8']], maxTokenValidity: 900 })
})
