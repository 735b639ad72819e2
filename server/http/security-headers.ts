import type { RequestContext } from './context.ts'

/** Nothing here is ever framed, sniffed, or a source of anything. */
const HEADERS = {
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
  'Referrer-Policy': 'no-referrer',
  'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'",
  'Cross-Origin-Resource-Policy': 'same-origin',
} as const

const STRICT_TRANSPORT = 'max-age=31536000; includeSubDomains'

/** What every answer carries. */
export const securityHeaderFields = (https: boolean): Readonly<Record<string, string>> =>
  https ? { ...HEADERS, 'Strict-Transport-Security': STRICT_TRANSPORT } : HEADERS

export const securityHeaders = (fields: Readonly<Record<string, string>>) => {
  const entries = Object.entries(fields)
  return (ctx: RequestContext, next: () => Promise<void>): Promise<void> => {
    for (const [name, value] of entries) ctx.res.setHeader(name, value)
    return next()
  }
}
