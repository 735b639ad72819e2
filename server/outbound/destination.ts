import { isIP } from 'node:net'
import { isPublic } from './address-rules.ts'
import type { Allowance } from './allowance.ts'
import { type FetchRefused, refused } from './fetched.ts'
import type { ResolveHost, Resolvers } from './resolve-host.ts'

/** Where a fetch may go: the URL, and the very addresses that were judged. */
export interface Destination {
  readonly ok: true
  readonly url: URL
  readonly addresses: readonly string[]
}

/** Resolves the host once and judges each address it has: one that is forbidden spoils the others. */
export async function destinationOf(
  text: string,
  allowance: Allowance,
  resolvers: Resolvers,
  deadline: AbortSignal,
): Promise<Destination | FetchRefused> {
  // Not canParse: of a long host in capitals it says yes, and then the constructor throws.
  const url = URL.parse(text)
  if (!url || url.username || url.password || url.href.includes('#')) return refused('bad_url')
  const named = allowance.names(url)
  const plain = url.protocol === 'http:'
  if (url.protocol !== 'https:' && !(plain && (named || allowance.holdsAny))) return refused('not_https')

  const resolve = named || url.hostname === 'localhost' ? resolvers.ours : resolvers.anybodys
  const addresses = await addressesOf(url, resolve, deadline)
  if (addresses.length === 0) return refused('unreachable')
  if (named || addresses.every(allowance.holds)) return { ok: true, url, addresses }
  if (plain) return refused('not_https')
  const forbidden = addresses.some((address) => !allowance.holds(address) && !isPublic(address))
  return forbidden ? refused('forbidden_address') : { ok: true, url, addresses }
}

/** A URL's literal address arrives canonical, however it was spelled: `0x7f.1` is 127.0.0.1 (WHATWG URL §3.5). */
async function addressesOf(url: URL, resolve: ResolveHost, deadline: AbortSignal): Promise<readonly string[]> {
  const host = url.hostname.replace(/^\[|\]$/g, '')
  if (isIP(host)) return [host]
  return Promise.race([resolve(host, deadline), endOf(deadline)])
}

const endOf = (deadline: AbortSignal): Promise<never> =>
  new Promise((_, reject) => deadline.addEventListener('abort', () => reject(deadline.reason), { once: true }))
