import { isIPv6 } from 'node:net'

/**
 * The network that an address stands for when failures are counted: an IPv4 address, or the /64 of an IPv6 one,
 * because a /64 is the least that a single customer holds. Every spelling of an address gives the same name.
 */
export function networkOf(address: string): string {
  const bare = address.split('%')[0] as string // zone index
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(bare)
  if (mapped) return mapped[1] as string
  if (!isIPv6(bare)) return bare
  const groups = expand(bare)
  const inIPv6 = groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff
  if (inIPv6) return [groups[6], groups[7]].map((group = 0) => `${group >> 8}.${group & 255}`).join('.')
  return `${groups
    .slice(0, 4)
    .map((group) => group.toString(16))
    .join(':')}::/64`
}

/** RFC 6177 §2: a customer may hold a whole /48 of IPv6, and would have 65,536 networks to guess from. */
export const siteOf = (address: string): string =>
  networkOf(address).replace(/^((?:[\da-f]+:){3})[\da-f]+::\/64$/, '$1:/48')

/** RFC 4291 §2.2: eight groups from any text form. */
function expand(address: string): number[] {
  const [head = '', tail] = address.split('::')
  const left = groupsOf(head)
  if (tail === undefined) return left
  const right = groupsOf(tail)
  return [...left, ...Array<number>(8 - left.length - right.length).fill(0), ...right]
}

const groupsOf = (text: string): number[] =>
  text.split(':').flatMap((group) => {
    if (!group) return []
    if (!group.includes('.')) return Number.parseInt(group, 16)
    const [a = 0, b = 0, c = 0, d = 0] = group.split('.').map(Number)
    return [(a << 8) | b, (c << 8) | d]
  })
