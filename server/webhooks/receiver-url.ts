import { isIP } from 'node:net'
import { isPublic } from '../outbound/address-rules.ts'
import type { Allowance } from '../outbound/allowance.ts'

const LONGEST = 500

/** What is shown and sent must be the same: nothing that only looks like another letter. */
const ASCII = /^[\x21-\x7e]+$/

/** What is wrong with where messages are to go, if anything. What its name resolves to is judged at each delivery. */
export function wrongReceiverUrl(text: string, { names, holds, holdsAny }: Allowance): string | undefined {
  if (text.length > LONGEST) return `at most ${LONGEST} characters`
  const url = ASCII.test(text) && URL.canParse(text) ? new URL(text) : undefined
  if (!url || !/^https?:\/\//i.test(text)) return 'a URL such as https://hooks.example/keycourt'
  if (url.username || url.password || text.includes('#')) return 'no user, no password and no fragment'
  const host = url.hostname.replace(/^\[|\]$/g, '')
  if (names(url) || holds(host)) return undefined
  // A name that the operator allowed by its address is known only when it is resolved.
  if (url.protocol === 'http:') return holdsAny && !isIP(host) ? undefined : 'https'
  if (isIP(host) ? !isPublic(host) : /(^|\.)localhost\.?$/.test(host))
    return 'an address that is reachable from anywhere'
  return undefined
}
