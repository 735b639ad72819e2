import type { RequestContext } from '../http/context.ts'
import { ApiError } from '../http/problem.ts'
import type { Caller } from './caller.ts'
import { type RateLimit, WINDOW_SECONDS } from './rate-limit.ts'

/**
 * Says in each answer how much is left (draft-ietf-httpapi-ratelimit-headers-10), and refuses what is too much.
 * @throws {ApiError} rate_limited
 */
export async function limitRate(ctx: RequestContext, { client }: Caller, rateLimit: RateLimit): Promise<void> {
  const { isAllowed, remaining, resetsIn } = await rateLimit.count(client.ref)
  ctx.set('RateLimit-Policy', `"default";q=${rateLimit.limit};w=${WINDOW_SECONDS}`)
  ctx.set('RateLimit', `"default";r=${remaining};t=${resetsIn}`)
  if (isAllowed) return
  const detail = `more than ${rateLimit.limit} requests in ${WINDOW_SECONDS} seconds`
  throw new ApiError('rate_limited', { detail, retryAfter: resetsIn })
}
