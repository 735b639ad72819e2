import type { IncomingHttpHeaders, RequestListener } from 'node:http'
import type { ModeRuntime } from '../mode/runtime.ts'
import type { Endpoint, Incoming, RequestState } from './context.ts'
import { corsFields } from './cors.ts'
import { createDirectContext, type DirectContext, fieldOf } from './direct-context.ts'
import type { FailureOf } from './failures.ts'
import type { Listener } from './listen.ts'
import { answerOAuthError } from './oauth-answer.ts'
import { type Answer, type FixedFields, fixedFields, requireValues } from './plain-answer.ts'
import { isRepeated } from './repeated-field.ts'
import { requestIdOf, type SayAnswered } from './request-log.ts'

interface Needs {
  modes: readonly ModeRuntime[]
  trustProxy: boolean
  /** What every answer carries. */
  securityFields: Readonly<Record<string, string>>
  sayAnswered: SayAnswered
  failureOf: FailureOf
}

interface DirectRoute {
  readonly endpoint: Endpoint
  readonly path: string
  readonly mode: ModeRuntime
  readonly fixed: FixedFields
}

/**
 * The endpoints that machines call thousands of times a second, between the socket or Node's parser and their handlers
 * nothing: Koa's context, middlewares and answering cost more than all that a mint does. They get what `app.ts` would
 * give them, and answer the same to the byte (test/http/direct.test.ts); whatever isn't plainly theirs is `otherwise`'s.
 */
export function createDirect(needs: Needs, otherwise: RequestListener): Listener {
  const { modes, trustProxy, securityFields, sayAnswered, failureOf } = needs
  const routes = new Map<string, DirectRoute>()
  for (const mode of modes) {
    for (const [path, endpoint] of mode.direct) {
      const fixed = fixedFields({ ...securityFields, ...corsFields(path) })
      routes.set(`${mode.host} ${path}`, { endpoint, path, mode, fixed })
    }
  }

  /** By the host as it was sent: one in other letters, or one of several, is not plainly ours. */
  function routeOf(target: string | undefined, headers: IncomingHttpHeaders): DirectRoute | undefined {
    const host = (trustProxy && headers['x-forwarded-host']) || headers.host
    return routes.get(`${host} ${target}`)
  }

  /** Resolves with undefined if its answer can't be put into words. */
  async function run(route: DirectRoute, req: Incoming, peerAddress: string): Promise<Answer | undefined> {
    const began = performance.now()
    const { headers } = req
    const { path, mode, endpoint, fixed } = route
    const requestId = requestIdOf(trustProxy ? fieldOf(headers, 'x-request-id') : undefined)
    const state: RequestState = { requestId, route: path, mode }
    const ip = (trustProxy && lastOf(fieldOf(headers, 'x-forwarded-for'))) || peerAddress
    const ctx = createDirectContext({ req, headers, path, ip, state })
    ctx.fields.push('X-Request-Id', requestId)
    try {
      await endpoint(ctx)
    } catch (error) {
      answerOAuthError(ctx, failureOf(error, state))
    }
    try {
      return answerOf(ctx, fixed)
    } catch (error) {
      failureOf(error, state)
      return undefined
    } finally {
      sayAnswered(ctx, began)
    }
  }

  return {
    onPlain(request, ip) {
      const route = routeOf(request.target, request.headers)
      return route && run(route, request, ip)
    },
    async onRequest(req, res) {
      const route = req.method === 'POST' ? routeOf(req.url, req.headers) : undefined
      if (!route || isRepeated(req, 'host')) return otherwise(req, res)
      const answer = await run(route, req, req.socket.remoteAddress ?? '')
      if (!answer) return res.destroy()
      res.writeHead(answer.status, [...answer.fixed.list, ...answer.fields]).end(answer.text)
    },
  }
}

/** Of several addresses only the last is the trusted proxy's own word. */
const lastOf = (list: string): string | undefined => list.split(',').at(-1)?.trim()

/** As Koa does. */
function answerOf({ status, body, type, fields }: DirectContext, fixed: FixedFields): Answer {
  const isText = typeof body === 'string'
  const text = isText ? body : JSON.stringify(body)
  const contentType = type || (isText ? 'text/plain; charset=utf-8' : 'application/json; charset=utf-8')
  fields.push('Content-Type', contentType, 'Content-Length', String(Buffer.byteLength(text)))
  requireValues(fields)
  return { status, fixed, fields, text }
}
