import { randomBase62 } from '../credentials/base62.ts'
import type { Logger } from '../telemetry/log.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import { scrub } from '../telemetry/scrub.ts'
import type { RequestContext } from './context.ts'

/** It is logged, audited and sent back: many a proxy passes on what its client chose, which could be a credential. */
const isRequestId = (text: string): boolean => /^[\w.:-]{8,128}$/.test(text) && scrub(text) === text

interface Needs {
  log: Logger
  metrics: Pick<Metrics, 'httpRequest'>
  /** Whether a proxy in front is trusted to have named the request. */
  trustProxy: boolean
}

/**
 * Names each request, and says one line about it when it is answered: who, what, how long. The route's pattern stands
 * for the path, which could hold anything; no header, query or body is ever logged.
 */
export const requestLog =
  ({ log, metrics, trustProxy }: Needs) =>
  async (ctx: RequestContext, next: () => Promise<void>): Promise<void> => {
    const began = performance.now()
    const incoming = trustProxy ? ctx.get('x-request-id') : ''
    ctx.state.requestId = isRequestId(incoming) ? incoming : `req_${randomBase62(20)}`
    ctx.state.route = 'none'
    ctx.set('X-Request-Id', ctx.state.requestId)
    await next()
    const milliseconds = performance.now() - began
    const { requestId, route, mode, client, tenant, refusal } = ctx.state
    const { path } = ctx
    metrics.httpRequest({ mode: mode?.mode ?? 'none', route, status: ctx.status }, milliseconds / 1000)
    // A token minted or introspected is counted above and says nothing new at four thousand a second.
    const level = ctx.status === 200 && path.startsWith('/oauth/') ? 'debug' : 'info'
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
