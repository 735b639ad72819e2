import { lookup, Resolver } from 'node:dns/promises'

/** All addresses of a host. Rejects if there are none. */
export type ResolveHost = (host: string, deadline: AbortSignal) => Promise<readonly string[]>

export interface Resolvers {
  /** For hosts that the operator named, and `localhost`. */
  readonly ours: ResolveHost
  readonly anybodys: ResolveHost
}

/**
 * As the operating system has it: `/etc/hosts`, search domains. It holds one of Node's four threads for as long as the
 * name's server likes, and password hashing shares them, so this is for the operator's own names only.
 */
export const resolveBySystem: ResolveHost = async (host) => {
  const found = await lookup(host, { all: true })
  return found.map(({ address }) => address)
}

/** DNS alone, over sockets of its own: a slow or hostile name server costs us no thread, and is left at the deadline. */
export const resolveByDns =
  (servers?: readonly string[]): ResolveHost =>
  async (host, deadline) => {
    const resolver = new Resolver({ timeout: 1_000, tries: 2 })
    if (servers) resolver.setServers(servers)
    deadline.addEventListener('abort', () => resolver.cancel(), { once: true })
    const answers = await Promise.allSettled([resolver.resolve4(host), resolver.resolve6(host)])
    const addresses = answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []))
    const failure = answers.find((answer) => answer.status === 'rejected')
    if (addresses.length === 0) throw failure?.reason ?? new Error('no address')
    return addresses
  }

export const systemResolvers: Resolvers = { ours: resolveBySystem, anybodys: resolveByDns() }
