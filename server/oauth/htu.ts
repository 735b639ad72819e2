/** RFC 3986 §2: what an http URL is written in. The URL class forgives far more: a tab, a backslash, a space around it. */
const HTTP_URL = /^https?:\/\/[\w.~:/?#[\]@!$&'()*+,;=%-]+$/i

/** RFC 9449 §4.3, check 9: `htu` is the request's URL, apart from query and fragment. */
export function isSameTarget(htu: string, url: string): boolean {
  const target = normalized(htu)
  return target !== undefined && target === normalized(url)
}

/** RFC 3986 §6.2.2, §6.2.3: case, dot segments and default port by the URL class, which leaves percent-encoding alone. */
function normalized(text: string): string | undefined {
  const url = HTTP_URL.test(text) ? URL.parse(text) : null
  if (!url) return undefined
  url.search = ''
  url.hash = ''
  return url.href.replace(/%[0-9a-f]{2}/gi, normalizedOctet)
}

/** RFC 3986 §6.2.2.2: an unreserved character is the same encoded or not. */
function normalizedOctet(octet: string): string {
  const character = String.fromCharCode(Number.parseInt(octet.slice(1), 16))
  return /^[\w.~-]$/.test(character) ? character : octet.toUpperCase()
}
