import { type BlockList, isIP } from 'node:net'
import { blocksOf, within } from '../outbound/address-rules.ts'

/** Entries of one list. */
export const MOST_NETWORKS = 50

/**
 * An address or a CIDR block in its one spelling (RFC 5952, RFC 4632): host bits are dropped, a block of one address is
 * the address, and what is IPv4 inside IPv6 is IPv4. Undefined: it is neither.
 */
export function canonicalNetwork(text: string): string | undefined {
  const [address = '', length, ...more] = text.split('/')
  const version = isIP(address)
  if (!version || more.length || address.includes('%')) return undefined
  const width = version === 4 ? 32 : 128
  if (length !== undefined && !/^(0|[1-9]\d{0,2})$/.test(length)) return undefined
  const bits = Number(length ?? width)
  return bits > width ? undefined : spelled(numberOf(address), bits, width)
}

/** RFC 4291 §2.5.5.2. */
const IPV4_IN_IPV6 = 0xffffn << 32n

function spelled(value: bigint, bits: number, width: 32 | 128): string {
  const masked = (value >> BigInt(width - bits)) << BigInt(width - bits)
  if (width === 128 && bits >= 96 && masked >> 32n === IPV4_IN_IPV6 >> 32n) {
    return spelled(masked & 0xffffffffn, bits - 96, 32)
  }
  const address = width === 32 ? groupsOf(masked, 4, 8).join('.') : shortest(groupsOf(masked, 8, 16))
  return bits === width ? address : `${address}/${bits}`
}

/** The most significant first. */
const groupsOf = (value: bigint, count: number, width: number): number[] =>
  Array.from({ length: count }, (_, at) =>
    Number((value >> BigInt((count - 1 - at) * width)) & ((1n << BigInt(width)) - 1n)),
  )

/** WHATWG URLs write an IPv6 address as RFC 5952 does. */
const shortest = (groups: readonly number[]): string => {
  const full = groups.map((group) => group.toString(16)).join(':')
  return new URL(`http://[${full}]`).hostname.slice(1, -1)
}

/** WHATWG URLs read every spelling of an address: what they make of it has no dots in IPv6 and one run of zeros at most. */
function numberOf(address: string): bigint {
  if (isIP(address) === 4) return joined(address.split('.').map(Number), 8)
  const [head = '', tail] = new URL(`http://[${address}]`).hostname.slice(1, -1).split('::')
  const [left, right] = [head, tail ?? ''].map((half) =>
    half.split(':').flatMap((group) => (group ? parseInt(group, 16) : [])),
  )
  const [before = [], after = []] = [left, right]
  const zeros = Array<number>(8 - before.length - after.length).fill(0)
  return joined([...before, ...zeros, ...after], 16)
}

const joined = (groups: readonly number[], width: number): bigint =>
  groups.reduce((value, group) => (value << BigInt(width)) | BigInt(group), 0n)

/** By the version of IP: an IPv6 block that spans `::ffff:0:0/96` is no word about IPv4, though BlockList takes it for one. */
type Compiled = Readonly<Record<4 | 6, BlockList>>

/** Lists that come from a copy of a tenant are asked at every request, and are the same object while the copy is. */
const compiled = new WeakMap<readonly string[], Compiled>()

function compile(list: readonly string[]): Compiled {
  const known = compiled.get(list)
  if (known) return known
  const of = (version: 4 | 6) => blocksOf(list.filter((entry) => entry.includes(':') === (version === 6)))
  const made = { 4: of(4), 6: of(6) }
  compiled.set(list, made)
  return made
}

/** Whether every list that has entries holds the address. IPv4 that arrives on an IPv6 socket is IPv4. */
export function isAllowedFrom(lists: readonly (readonly string[])[], address: string): boolean {
  if (lists.every((list) => list.length === 0)) return true
  const canonical = isIP(address) === 4 ? address : (canonicalNetwork(address.replace(/%.*$/, '')) ?? '')
  const version = isIP(canonical) === 4 ? 4 : 6
  return lists.every((list) => list.length === 0 || within(compile(list)[version], canonical))
}
