import type { Check, Claims } from '../model.ts'

/** A compact JWS (RFC 7515 §7.1), read once: what is verified and what is matched are the same objects. Nothing is proven. */
export interface CompactToken {
  readonly header: Claims
  readonly claims: Claims
}

export type Read = { readonly ok: true; readonly token: CompactToken } | { readonly ok: false; readonly failed: Check }

/** Bytes. */
const LONGEST = 16 * 1024
/** Three segments of base64url and nothing else: no padding, white space, byte order mark, five segments or JSON. */
const COMPACT = /^([\w-]+)\.([\w-]+)\.([\w-]*)$/

export function readCompact(text: string): Read {
  if (text.length > LONGEST) return malformed(`at most ${LONGEST} bytes`, text.length)
  const [, head, body] = COMPACT.exec(text) ?? []
  if (head === undefined || body === undefined) return malformed('three segments of base64url')
  const header = objectOf(head)
  if (!header) return malformed('a header that is a JSON object')
  const claims = objectOf(body)
  if (!claims) return malformed('claims that are a JSON object')
  return { ok: true, token: { header, claims } }
}

const malformed = (expected: string, got?: unknown): Read => ({
  ok: false,
  failed: { check: 'malformed', held: false, expected, ...(got !== undefined && { got }) },
})

/** RFC 7519 §7.2: UTF-8, or it is no JWT. */
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function objectOf(segment: string): Claims | undefined {
  try {
    const value: unknown = JSON.parse(utf8.decode(Buffer.from(segment, 'base64url')))
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Claims) : undefined
  } catch {
    return undefined
  }
}
