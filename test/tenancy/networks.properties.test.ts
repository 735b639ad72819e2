import { isIP } from 'node:net'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { canonicalNetwork, isAllowedFrom } from '../../server/tenancy/networks.ts'
import { hostileText, mutated } from '../hostile-text.ts'

/** A network as the numbers that it is; what is tested parses texts, the oracle never does. */
interface Block {
  readonly width: 32 | 128
  readonly value: bigint
  readonly bits: number
}

const IN_IPV6 = 0xffffn
const isMapped = ({ width, value }: Pick<Block, 'width' | 'value'>) => width === 128 && value >> 32n === IN_IPV6

const numbers = fc.oneof(
  fc.tuple(fc.constant(32 as const), fc.bigInt({ min: 0n, max: (1n << 32n) - 1n })),
  fc.tuple(fc.constant(128 as const), fc.bigInt({ min: 0n, max: (1n << 128n) - 1n })),
  // Few bits set, so that there are runs of zeros; and IPv4 in IPv6.
  fc.tuple(
    fc.constant(128 as const),
    fc.nat(127).map((at) => 1n << BigInt(at)),
  ),
  fc.tuple(
    fc.constant(128 as const),
    fc.bigInt({ min: 0n, max: (1n << 32n) - 1n }).map((value) => (IN_IPV6 << 32n) | value),
  ),
)
const block: fc.Arbitrary<Block> = numbers.chain(([width, value]) =>
  fc.integer({ min: 0, max: width }).map((bits) => ({ width, value, bits })),
)

const dotted = (value: bigint) => [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 255n).join('.')
const full = (value: bigint) =>
  Array.from({ length: 8 }, (_, at) => ((value >> BigInt(112 - 16 * at)) & 0xffffn).toString(16)).join(':')
const spell = ({ width, value }: Pick<Block, 'width' | 'value'>) => (width === 32 ? dotted(value) : full(value))

/** IPv4 in IPv6 is IPv4 where the whole block is. */
const meant = ({ width, value, bits }: Block): Block =>
  isMapped({ width, value }) && bits >= 96
    ? { width: 32, value: value & 0xffffffffn, bits: bits - 96 }
    : { width, value, bits }
const holds = (network: Block, { width, value }: Block): boolean =>
  network.width === width &&
  network.value >> BigInt(network.width - network.bits) === value >> BigInt(network.width - network.bits)

describe('canonicalNetwork', () => {
  test('is the same for every address of a block, and itself in its one spelling', () => {
    fc.assert(
      fc.property(block, fc.bigInt({ min: 0n, max: (1n << 128n) - 1n }), (network, noise) => {
        const host = noise & ((1n << BigInt(network.width - network.bits)) - 1n)
        const first = (network.value >> BigInt(network.width - network.bits)) << BigInt(network.width - network.bits)
        const one = canonicalNetwork(`${spell({ ...network, value: first })}/${network.bits}`)
        const other = canonicalNetwork(`${spell({ ...network, value: first | host })}/${network.bits}`)
        expect(one).toBeDefined()
        expect(other).toBe(one)
        expect(canonicalNetwork(one as string)).toBe(one)
        expect(canonicalNetwork((one as string).toUpperCase())).toBe(one)
      }),
      { numRuns: 1_000 },
    )
  })

  test('is different for different blocks', () => {
    fc.assert(
      fc.property(block, block, (one, other) => {
        const [a, b] = [meant(one), meant(other)]
        const same = a.bits === b.bits && holds(a, b)
        const [left, right] = [one, other].map((each) => canonicalNetwork(`${spell(each)}/${each.bits}`))
        expect(left === right).toBe(same)
      }),
      { numRuns: 1_000 },
    )
  })

  test('is nothing with more bits than there are, or bits that are no number', () => {
    const bits = fc.oneof(
      fc.integer({ min: -1, max: 200 }).map(String),
      fc.constantFrom('08', '1e1', ' 8', '', '٨', '8/8'),
    )
    fc.assert(
      fc.property(block, bits, (network, text) => {
        const good = /^(?:0|[1-9][0-9]*)$/.test(text) && Number(text) <= network.width
        expect(canonicalNetwork(`${spell(network)}/${text}`) !== undefined).toBe(good)
      }),
      { numRuns: 1_000 },
    )
  })

  test('of anything else is an address or a block in a form that it takes itself, or nothing; and never an error', () => {
    const near = block.map((each) => `${spell(each)}/${each.bits}`).chain(mutated)
    fc.assert(
      fc.property(fc.oneof(hostileText, near), (text) => {
        const canonical = canonicalNetwork(text)
        if (canonical === undefined) return
        expect(isIP(canonical.split('/')[0] as string)).toBeGreaterThan(0)
        expect(canonicalNetwork(canonical)).toBe(canonical)
      }),
      { numRuns: 2_000 },
    )
  })
})

describe('isAllowedFrom', () => {
  /** Half of them inside of the first network, or hardly any would be. */
  const asked = fc.array(fc.array(block, { maxLength: 3 }), { maxLength: 3 }).chain((lists) => {
    const first = lists.flat()[0]
    const inside =
      first &&
      fc.bigInt({ min: 0n, max: (1n << BigInt(first.width - first.bits)) - 1n }).map((host) => {
        const shift = BigInt(first.width - first.bits)
        return { width: first.width, value: ((first.value >> shift) << shift) | host, bits: first.width }
      })
    const anywhere: fc.Arbitrary<Block> = numbers.map(([width, value]) => ({ width, value, bits: width }))
    return fc.tuple(fc.constant(lists), inside ? fc.oneof(inside, anywhere) : anywhere)
  })

  test('lets in exactly whom every list with entries holds', () => {
    fc.assert(
      fc.property(asked, ([lists, from]) => {
        const texts = lists.map((list) => list.map((each) => canonicalNetwork(`${spell(each)}/${each.bits}`) as string))
        const address = meant({ ...from, bits: from.width })
        const expected = lists.every(
          (list) => list.length === 0 || list.some((network) => holds(meant(network), address)),
        )
        expect(isAllowedFrom(texts, spell(from))).toBe(expected)
      }),
      { numRuns: 2_000 },
    )
  })

  test('lets nobody in whose address is none, as soon as there is a list', () => {
    fc.assert(
      fc.property(block, fc.oneof(hostileText, fc.ipV6().chain(mutated)), (network, text) => {
        fc.pre(isIP(text.replace(/%.*$/s, '')) === 0)
        expect(isAllowedFrom([[canonicalNetwork(`${spell(network)}/${network.bits}`) as string]], text)).toBe(false)
        expect(isAllowedFrom([[]], text)).toBe(true)
      }),
      { numRuns: 1_000 },
    )
  })
})
