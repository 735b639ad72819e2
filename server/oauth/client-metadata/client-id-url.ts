/** Characters. A client_id is shown to people and kept with each code and family. */
const LONGEST = 500

/** Plain http is for hosts that the operator allows by name (KC_OUTBOUND_ALLOW): a developer's own machine. */
export type IsPlainAllowed = (url: URL) => boolean

/** Ids that the server itself gives out hold no colon. */
export const looksLikeUrl = (clientId: string): boolean => /^https?:\/\//.test(clientId)

/**
 * draft-ietf-oauth-client-id-metadata-document §3: https, a path, no user, no fragment, no dot segments. §3 only
 * advises against a query; here it is refused, or one document would make any number of clients.
 *
 * A URL class would repair dot segments, `%2e` among them, a default port or capitals in the host. Clients are told apart
 * to the letter, so whatever it would write differently names nobody.
 */
export function isClientIdUrl(text: string, isPlainAllowed: IsPlainAllowed): boolean {
  if (text.length > LONGEST || !URL.canParse(text)) return false
  const url = new URL(text)
  if (url.href !== text || url.username || url.password || text.includes('#') || text.includes('?')) return false
  return url.protocol === 'https:' || (url.protocol === 'http:' && isPlainAllowed(url))
}
