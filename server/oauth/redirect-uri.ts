import type { AppType } from '../credentials/client.ts'

/** RFC 8252 §7.3: where a native app listens on its own machine. `localhost` may be another machine's (§8.3), but is used. */
const LOOPBACK = new Set(['127.0.0.1', '[::1]', 'localhost'])

/** Schemes that run something or show something of their own instead of handing the response to an app. */
const NEVER = new Set([
  'javascript:',
  'data:',
  'vbscript:',
  'file:',
  'blob:',
  'about:',
  'ws:',
  'wss:',
  'ftp:',
  'view-source:',
])

/** RFC 3986 §2: what a URI is written in; all else a URL class would silently repair. */
const URI = /^[a-z][a-z0-9+.-]*:[\w.~:/?[\]@!$&'()*+,;=%-]+$/i

export type RedirectKind = 'https' | 'loopback' | 'private_use'

/** Undefined: no app may register it. */
export function redirectKind(uri: string): RedirectKind | undefined {
  // Not URL.canParse: it says yes to a host of many thousand letters that `new URL` throws at.
  const url = URI.test(uri) ? URL.parse(uri) : null
  if (!url) return undefined
  const { protocol, hostname, username, password, hash, origin } = url
  // RFC 9700 §2.1: compared to the letter, so a star would be a host that nobody has, and not what whoever wrote it meant.
  if (hostname.includes('*')) return undefined
  // RFC 6749 §3.1.2: no fragment. Userinfo makes one host look like another.
  if (hash || uri.includes('#') || username || password) return undefined
  // `https:host` and `HTTPS://Host` mean the same to a browser and not to the comparison below.
  if (origin !== 'null' && !uri.startsWith(origin)) return undefined
  if (protocol === 'https:') return LOOPBACK.has(hostname) ? undefined : 'https'
  if (protocol === 'http:') return LOOPBACK.has(hostname) ? 'loopback' : undefined
  // RFC 8252 §7.1: a domain name in reverse, so that schemes of strangers don't collide.
  return protocol.includes('.') && !NEVER.has(protocol) ? 'private_use' : undefined
}

/** What is wrong with a redirect URI for this type of app, in words; undefined: nothing. */
export function wrongRedirectUri(uri: string, type: AppType): string | undefined {
  const kind = redirectKind(uri)
  if (!kind) return 'https, http on a loopback address, or a private-use scheme with a dot; no fragment, no user'
  // RFC 8252 §8.4: what runs on a person's machine keeps no secret.
  return kind === 'https' || type === 'public' ? undefined : 'only public apps may use loopback and private-use schemes'
}

/** RFC 9700 §2.1: compared to the letter, but for the port of a loopback address (RFC 8252 §7.3). */
export function isRegisteredRedirectUri(registered: readonly string[], presented: string): boolean {
  if (registered.includes(presented)) return true
  const portless = withoutLoopbackPort(presented)
  return portless !== undefined && registered.some((uri) => withoutLoopbackPort(uri) === portless)
}

const AUTHORITY = /^(http:\/\/(?:127\.0\.0\.1|\[::1\]|localhost))(?::\d{1,5})?((?:[/?].*)?)$/

function withoutLoopbackPort(uri: string): string | undefined {
  const [, origin, rest] = AUTHORITY.exec(uri) ?? []
  return origin === undefined || redirectKind(uri) !== 'loopback' ? undefined : origin + (rest || '/')
}
