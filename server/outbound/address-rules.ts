import { BlockList, isIP } from 'node:net'

/** Each an address or a CIDR block. */
export function blocksOf(entries: readonly string[]): BlockList {
  const blocks = new BlockList()
  for (const entry of entries) {
    const [address = '', bits] = entry.split('/')
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4'
    if (bits === undefined) blocks.addAddress(address, family)
    else blocks.addSubnet(address, Number(bits), family)
  }
  return blocks
}

/** What is no address, or one of a zone (`fe80::1%eth0`, which BlockList overlooks), is in no block. */
export function within(blocks: BlockList, address: string): boolean {
  const family = isIP(address)
  return family > 0 && !address.includes('%') && blocks.check(address, family === 6 ? 'ipv6' : 'ipv4')
}

/** The IANA special-purpose registry (RFC 6890), and what else leads somewhere other than the public Internet. */
const SPECIAL_IPV4 = [
  '0.0.0.0/8', // this host, RFC 791 §3.2
  '10.0.0.0/8', // private, RFC 1918
  '100.64.0.0/10', // carrier-grade NAT, RFC 6598
  '127.0.0.0/8', // loopback, RFC 1122 §3.2.1.3
  '168.63.129.16/32', // Azure's host agent, public by number only
  '169.254.0.0/16', // link-local, RFC 3927: where clouds keep their metadata
  '172.16.0.0/12', // private, RFC 1918
  '192.0.0.0/24', // protocol assignments, RFC 6890 §2.1
  '192.0.2.0/24', // documentation, RFC 5737
  '192.88.99.0/24', // 6to4 relays, RFC 7526
  '192.168.0.0/16', // private, RFC 1918
  '198.18.0.0/15', // benchmarking, RFC 2544
  '198.51.100.0/24', // documentation, RFC 5737
  '203.0.113.0/24', // documentation, RFC 5737
  '224.0.0.0/4', // multicast, RFC 5771
  '240.0.0.0/4', // reserved, and the limited broadcast, RFC 1112 §4
]

/** RFC 6052 §2.1: how an IPv6-only machine reaches IPv4 addresses, the special ones included. */
const throughNat64 = (block: string): string => {
  const [address, bits] = block.split('/')
  return `64:ff9b::${address}/${96 + Number(bits)}`
}

/** RFC 4291 §2.4: only this is global unicast. Unique-local, link-local, mapped, multicast and all to come are outside. */
const GLOBAL_IPV6 = ['2000::/3', '64:ff9b::/96']

const SPECIAL_IPV6 = [
  '2001::/23', // protocol assignments, RFC 2928: Teredo, benchmarking, ORCHID
  '2001:db8::/32', // documentation, RFC 3849
  '2002::/16', // 6to4, RFC 3056: any IPv4 address in disguise
  '3fff::/20', // documentation, RFC 9637
  ...SPECIAL_IPV4.map(throughNat64),
]

const specialIPv4 = blocksOf(SPECIAL_IPV4)
const specialIPv6 = blocksOf(SPECIAL_IPV6)
const globalIPv6 = blocksOf(GLOBAL_IPV6)

/** Whether an address is one that anybody on the Internet could reach as well. */
export const isPublic = (address: string): boolean =>
  isIP(address) === 4 ? !within(specialIPv4, address) : within(globalIPv6, address) && !within(specialIPv6, address)
