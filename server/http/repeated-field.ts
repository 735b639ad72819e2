import type { Incoming } from './context.ts'
import { isPlainRequest } from './plain-request.ts'

/**
 * Whether a header that is no list was sent more than once, which RFC 9110 §5.3 forbids. Node keeps the first and says
 * nothing; whatever stands in front of us may have looked at another.
 * @param name in lower case
 */
export function isRepeated(request: Incoming, name: string): boolean {
  // Which repeats none.
  if (isPlainRequest(request)) return false
  const { rawHeaders } = request
  let count = 0
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const sent = rawHeaders[at] as string
    if (sent.length === name.length && sent.toLowerCase() === name) count += 1
  }
  return count > 1
}
