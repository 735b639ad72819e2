import type { RequestContext } from '../../http/context.ts'
import { noStore } from '../../http/oauth-answer.ts'
import { pagePolicy } from '../pages/content-security-policy.ts'

interface PageAnswer {
  readonly status?: number
  /** Of the app whose request this page is a step of: see pagePolicy. */
  readonly redirectUri?: string | undefined
  /** Seconds. */
  readonly retryAfter?: number | undefined
}

/** A page is for one person and one moment: nobody keeps it. */
export function answerPage(ctx: RequestContext, page: string, answer: PageAnswer = {}): void {
  ctx.status = answer.status ?? 200
  noStore(ctx)
  ctx.set('Content-Security-Policy', pagePolicy(answer.redirectUri))
  if (answer.retryAfter !== undefined) ctx.set('Retry-After', String(answer.retryAfter))
  ctx.type = 'text/html; charset=utf-8'
  ctx.body = page
}

/** RFC 9700 §4.12: 303 alone is sure not to send a password on to the next address. */
export function seeOther(ctx: RequestContext, location: string): void {
  ctx.status = 303
  noStore(ctx)
  ctx.set('Location', location)
  ctx.body = ''
}
