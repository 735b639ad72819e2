import { isIP } from 'node:net'
import { blocksOf, within } from './address-rules.ts'

/** What the operator lets fetches reach although it is private or plain http. */
export interface Allowance {
  /** The URL's host, or its host and port, is one of the list. */
  names(url: URL): boolean
  /** The address, or a block that holds it, is one of the list. */
  holds(address: string): boolean
  /** Without any address in the list, nobody needs to be asked what a host resolves to. */
  readonly holdsAny: boolean
}

const DEFAULT_PORTS: Record<string, string> = { 'http:': '80', 'https:': '443' }

/** @param entries as KC_OUTBOUND_ALLOW has them: hosts, `host:port`, addresses, CIDR blocks. */
export function allowanceOf(entries: readonly string[]): Allowance {
  const isAddress = (entry: string) => isIP(entry.split('/')[0] as string) > 0
  const addresses = entries.filter(isAddress)
  const blocks = blocksOf(addresses)
  const hosts = new Set(entries.filter((entry) => !isAddress(entry)).map((entry) => entry.toLowerCase()))
  return {
    names: ({ hostname, port, protocol }) =>
      hosts.has(hostname) || hosts.has(`${hostname}:${port || DEFAULT_PORTS[protocol]}`),
    holds: (address) => within(blocks, address),
    holdsAny: addresses.length > 0,
  }
}
