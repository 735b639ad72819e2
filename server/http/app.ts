import Koa from 'koa'
import type { ModeRuntime } from '../mode/runtime.ts'
import type { Logger } from '../telemetry/log.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import type { Traces } from '../telemetry/traces.ts'
import type { RequestState } from './context.ts'
import { cors } from './cors.ts'
import { createDirect } from './direct.ts'
import { answerFailures, createFailureOf } from './failures.ts'
import { health } from './health.ts'
import type { Listener } from './listen.ts'
import { createSayAnswered, requestLog } from './request-log.ts'
import { chooseMode, route } from './routing.ts'
import { securityHeaderFields, securityHeaders } from './security-headers.ts'
import { traced } from './tracing.ts'

interface Needs {
  modes: readonly ModeRuntime[]
  trustProxy: boolean
  ping(): Promise<void>
  isOpen(): boolean
  log: Logger
  metrics: Metrics
  traces: Traces
}

/** What every request passes, in order; but the busiest endpoints are reached without it, see direct.ts. */
export function createApp({ modes, trustProxy, ping, isOpen, log, metrics, traces }: Needs): Listener {
  const securityFields = securityHeaderFields(modes.every(({ issuer }) => issuer.startsWith('https:')))
  const sayAnswered = createSayAnswered({ log, metrics })
  const failureOf = createFailureOf({ log, metrics })
  // Of several X-Forwarded-For addresses only the last is the trusted proxy's own word; the client wrote the rest.
  const app = new Koa<RequestState>({ proxy: trustProxy, maxIpsCount: 1 })
  app.silent = true // whatever goes wrong is logged where it is answered
  app.use(requestLog(sayAnswered, trustProxy))
  app.use(securityHeaders(securityFields))
  app.use(health({ ping, isOpen }))
  app.use(chooseMode(modes))
  if (traces.trace) app.use(traced(traces.trace))
  app.use(answerFailures(failureOf, log))
  app.use(cors)
  app.use(route)
  const whole = app.callback()
  return traces.trace
    ? { onRequest: whole }
    : createDirect({ modes, trustProxy, securityFields, sayAnswered, failureOf }, whole)
}
