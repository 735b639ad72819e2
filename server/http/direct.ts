import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import type { ModeRuntime } from '../mode/runtime.ts'
import type { Endpoint, RequestState } from './context.ts'
import { corsFields } from './cors.ts'
import { createDirectContext, type DirectContext, fieldOf } from './direct-context.ts'
import type { FailureOf } from './failures.ts'
import { answerOAuthError } from './oauth-answer.ts'
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
  readonly fields: readonly string[]
}

/**
 * The endpoints that machines call thousands of times a second, between Node and their handlers nothing: Koa's context,
 * middlewares and answering cost more than all that a mint does. They get what `app.ts` would give them, and answer the
 * same to the byte (test/http/direct.test.ts); whatever isn't plainly theirs is `otherwise`'s.
 */
export function createDirect(needs: Needs, otherwise: RequestListener): RequestListener {
  const { modes, trustProxy, securityFields, sayAnswered, failureOf } = needs
  const routes = new Map<string, DirectRoute>()
  for (const mode of modes) {
    for (const [path, endpoint] of mode.direct) {
      const fields = Object.entries({ ...securityFields, ...corsFields(path) }).flat()
      routes.set(`${mode.host} ${path}`, { endpoint, path, mode, fields })
    }
  }

  async function run(route: DirectRoute, req: IncomingMessage, res: ServerResponse): Promise<void> {
    const began = performance.now()
    const { headers } = req
    const requestId = requestIdOf(trustProxy ? fieldOf(headers, 'x-request-id') : undefined)
    const state: RequestState = { requestId, route: route.path, mode: route.mode }
    const { path, fields, endpoint } = route
    const ip = (trustProxy && lastOf(fieldOf(headers, 'x-forwarded-for'))) || req.socket.remoteAddress || ''
    const ctx = createDirectContext({ req, headers, path, ip, state, fields })
    ctx.fields.push('X-Request-Id', requestId)
    try {
      await endpoint(ctx)
    } catch (error) {
      answerOAuthError(ctx, failureOf(error, state))
    }
    try {
      answer(ctx, res)
    } catch (error) {
      failureOf(error, state)
      res.destroy()
    }
    sayAnswered(ctx, began)
  }

  /** By the host as it was sent: one in other letters, or one of several, is not plainly ours. */
  function routeOf(req: IncomingMessage): DirectRoute | undefined {
    const { method, url, headers } = req
    const host = (trustProxy && headers['x-forwarded-host']) || headers.host
    const route = method === 'POST' ? routes.get(`${host} ${url}`) : undefined
    return route && !isRepeated(req, 'host') ? route : undefined
  }

  return (req, res) => {
    const route = routeOf(req)
    if (route) run(route, req, res)
    else otherwise(req, res)
  }
}

/** Of several addresses only the last is the trusted proxy's own word. */
const lastOf = (list: string): string | undefined => list.split(',').at(-1)?.trim()

/** As Koa does. */
function answer({ status, body, type, fields }: DirectContext, res: ServerResponse): void {
  const isText = typeof body === 'string'
  const text = isText ? body : JSON.stringify(body)
  const contentType = type || (isText ? 'text/plain; charset=utf-8' : 'application/json; charset=utf-8')
  fields.push('Content-Type', contentType, 'Content-Length', String(Buffer.byteLength(text)))
  res.writeHead(status, fields)
  res.end(text)
}
