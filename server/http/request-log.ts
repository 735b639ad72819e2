import { randomBase62 } from '../credentials/base62.ts'
import type { Logger } from '../telemetry/log.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import { scrub } from '../telemetry/scrub.ts'
import type { EndpointContext, RequestContext, RequestState } from './context.ts'

/** It is logged, audited and sent back: many a proxy passes on what its client chose, which could be a credential. */
const isRequestId = (text: string): boolean => /^[\w.:-]{8,128}$/.test(text) && scrub(text) === text

/** @param incoming what a trusted proxy in front has named the request, if there is one. */
export const requestIdOf = (incoming: string | undefined): string =>
  incoming !== undefined && isRequestId(incoming) ? incoming : `req_${randomBase62(20)}`

interface Needs {
  log: Logger
  metrics: Pick<Metrics, 'httpRequest'>
}

/** What is said of a request when it is answered. `state` lacks what was not found out. */
export type SayAnswered = (
  ctx: Pick<EndpointContext, 'method' | 'path' | 'ip' | 'status'> & { readonly state: Partial<RequestState> },
  began: number,
) => void

/**
 * One line about each request: who, what, how long. The route's pattern stands for the path, which could hold anything;
 * no header, query or body is ever logged.
 */
export const createSayAnswered =
  ({ log, metrics }: Needs): SayAnswered =>
  (ctx, began) => {
    const milliseconds = performance.now() - began
    const { requestId, route = 'none', mode, client, tenant, refusal } = ctx.state
    metrics.httpRequest({ mode: mode?.mode ?? 'none', route, status: ctx.status }, milliseconds / 1000)
    // A token minted or introspected is counted above and says nothing new at four thousand a second.
    const level = ctx.status === 200 && ctx.path.startsWith('/oauth/') ? 'debug' : 'info'
    if (!log.isLevelEnabled(level)) return
    log[level](
      {
        request_id: requestId,
        mode: mode?.mode,
        method: ctx.method,
        route,
        status: ctx.status,
        ms: Math.round(milliseconds * 10) / 10,
        ip: ctx.ip,
        client,
        tenant,
        refusal,
      },
      'request',
    )
  }

/** Names each request, and says its line when it is answered. */
export const requestLog =
  (sayAnswered: SayAnswered, trustProxy: boolean) =>
  async (ctx: RequestContext, next: () => Promise<void>): Promise<void> => {
    const began = performance.now()
    ctx.state.requestId = requestIdOf(trustProxy ? ctx.get('x-request-id') : undefined)
    ctx.state.route = 'none'
    ctx.set('X-Request-Id', ctx.state.requestId)
    await next()
    sayAnswered(ctx, began)
  }
