import type { Trace } from '../telemetry/traces.ts'
import type { RequestContext } from './context.ts'

/** One span per request, named by its route. Only there when traces are switched on. */
export const traced =
  (trace: Trace) =>
  async (ctx: RequestContext, next: () => Promise<void>): Promise<void> => {
    const request = { method: ctx.method, mode: ctx.state.mode.mode, headers: ctx.headers }
    await trace(request, async () => {
      await next()
      return { route: ctx.state.route, status: ctx.status }
    })
  }
