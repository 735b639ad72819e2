import { Readable } from 'node:stream'
import { StoreUnavailable } from '../storage/state-store.ts'
import type { Logger } from '../telemetry/log.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import type { EndpointContext, RequestContext } from './context.ts'
import { answerOAuthError } from './oauth-answer.ts'
import { API_ERRORS, ApiError, answerProblem } from './problem.ts'
import { isPage } from './routing.ts'

/** Seconds after which a store may be back. */
const RETRY_AFTER = 2

/** What is said to whoever asked for something that couldn't be done for no fault of theirs. */
export interface Failure {
  readonly error: 'temporarily_unavailable' | 'server_error'
  readonly description: string
  readonly retryAfter?: number
}

/** A store away or a mistake of ours: logged, and put into words for the caller. */
export type FailureOf = (error: unknown, state: EndpointContext['state']) => Failure

export const createFailureOf =
  ({ log, metrics }: { log: Logger; metrics: Pick<Metrics, 'storeFailed'> }): FailureOf =>
  (error, { requestId, route }) => {
    if (error instanceof StoreUnavailable) {
      metrics.storeFailed(error.store)
      log.warn({ err: error, request_id: requestId }, 'a store is away')
      const description = 'a store is away; try again shortly'
      return { error: 'temporarily_unavailable', description, retryAfter: RETRY_AFTER }
    }
    log.error({ err: error, request_id: requestId, route }, 'a request failed')
    return { error: 'server_error', description: 'something went wrong on our side' }
  }

/** Whatever a route throws becomes an answer here: the management API's own errors, a store away, our mistakes. */
export const answerFailures =
  (failureOf: FailureOf, log: Logger) =>
  async (ctx: RequestContext, next: () => Promise<void>): Promise<void> => {
    try {
      await next()
      if (ctx.body instanceof Readable) ctx.body.once('error', (error) => sayBroken(ctx, error))
    } catch (error) {
      if (error instanceof ApiError) return answerRefusal(ctx, error)
      // Koa's own, for a request it can't make sense of (a malformed URL or query): the client's fault.
      const { status, expose } = error as { status?: number; expose?: boolean }
      if (expose && status && status < 500) {
        return answerProblem(ctx, new ApiError('validation_failed', { status, detail: 'the request is malformed' }))
      }
      return answer(ctx, failureOf(error, ctx.state))
    }

    /** Too late for another answer. That a reader went away is no failure. */
    function sayBroken(ctx: RequestContext, error: NodeJS.ErrnoException): void {
      if (error.code === 'ERR_STREAM_PREMATURE_CLOSE') return
      log.error({ err: error, request_id: ctx.state.requestId, route: ctx.state.route }, 'an answer broke off')
    }
  }

/** Pages throw one for what a person can do nothing about but wait. */
function answerRefusal(ctx: RequestContext, error: ApiError): void {
  if (!isPage(ctx)) {
    answerProblem(ctx, error)
    return
  }
  ctx.status = API_ERRORS[error.code].status
  if (error.details.retryAfter !== undefined) ctx.set('Retry-After', String(error.details.retryAfter))
  ctx.state.mode.errorPage(ctx, { error: error.code, error_description: error.details.detail })
}

/** People get a page, OAuth endpoints answer as RFC 6749 §5.2 says, all others with a problem document. */
function answer(ctx: RequestContext, failure: Failure): void {
  const { error, description, retryAfter } = failure
  const refusal = new ApiError(error, { detail: description, ...(retryAfter !== undefined && { retryAfter }) })
  if (isPage(ctx)) answerRefusal(ctx, refusal)
  else if (ctx.path.startsWith('/oauth/')) answerOAuthError(ctx, failure)
  else answerProblem(ctx, refusal)
}
