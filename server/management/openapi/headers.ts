/** Response headers that operations share. */
export const HEADERS = {
  RequestId: {
    description: 'Names the request: in our log, in the audit log, in problems.',
    schema: { type: 'string' },
  },
  ETag: {
    description: 'RFC 9110 §8.8.3, of the record as it is shown here: for `If-Match` and `If-None-Match`.',
    schema: { type: 'string' },
  },
  RateLimit: {
    description: 'draft-ietf-httpapi-ratelimit-headers-10: `r` requests are left for `t` seconds.',
    schema: { type: 'string' },
    example: '"default";r=1187;t=42',
  },
  RateLimitPolicy: {
    description: 'draft-ietf-httpapi-ratelimit-headers-10: `q` requests in `w` seconds.',
    schema: { type: 'string' },
    example: '"default";q=1200;w=60',
  },
  RetryAfter: { description: 'Seconds to wait.', schema: { type: 'integer', minimum: 0 } },
  Challenge: {
    description: 'RFC 9110 §11.6.1: how to authenticate; RFC 6750 §3 and RFC 9449 §7.1.',
    schema: { type: 'string' },
  },
} as const

const shared = (name: keyof typeof HEADERS) => ({ $ref: `#/components/headers/${name}` })

/** Of an answer that isn't a refusal. */
export const answerHeaders = (hasTag: boolean) => ({
  'X-Request-Id': shared('RequestId'),
  'RateLimit-Policy': shared('RateLimitPolicy'),
  RateLimit: shared('RateLimit'),
  ...(hasTag && { ETag: shared('ETag') }),
})
