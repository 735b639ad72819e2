import type { ModeRuntime } from '../mode/runtime.ts'
import type { Handler, RequestContext } from './context.ts'
import { answerOAuthError } from './oauth-answer.ts'
import { ApiError, answerProblem } from './problem.ts'
import { isRepeated } from './repeated-field.ts'

/** Host → mode. An unknown host is answered by neither: 421, RFC 9110 §15.5.20. */
export const chooseMode = (modes: readonly ModeRuntime[]) => {
  const byHost = new Map(modes.map((runtime) => [runtime.host, runtime]))
  return (ctx: RequestContext, next: () => Promise<void>): Promise<void> | void => {
    // RFC 9112 §3.2: a server MUST answer 400.
    if (isRepeated(ctx.req, 'host')) {
      return answerProblem(
        ctx,
        new ApiError('validation_failed', { status: 400, detail: 'Host was sent more than once' }),
      )
    }
    const mode = byHost.get(hostOf(ctx).toLowerCase())
    if (mode) {
      ctx.state.mode = mode
      return next()
    }
    const detail = 'this server does not answer for that host; KC_LIVE_URL and KC_SANDBOX_URL name those that it does'
    answerProblem(ctx, new ApiError('misdirected_request', { detail }))
  }
}

/** As it was sent: Koa drops userinfo, which RFC 9112 §3.2 doesn't want accepted. */
const hostOf = (ctx: RequestContext): string => (ctx.app.proxy ? ctx.host : (ctx.headers.host ?? ''))

/** Whether a person in a browser looks at the answer. */
export const isPage = ({ state, path }: RequestContext): boolean =>
  state.mode?.pages.some(({ prefix }) => isBelow(prefix, path)) ?? false

const isBelow = (prefix: string, path: string): boolean => path === prefix || path.startsWith(`${prefix}/`)

/** A mode's routes: exact ones by method and path, the management API below `/v1`, and pages by prefix. */
export const route: Handler = async (ctx) => {
  const { routes, managementApi, pages } = ctx.state.mode
  const { method, path } = ctx
  const handler = routes.get(`${method === 'HEAD' ? 'GET' : method} ${path}`)
  if (handler) {
    ctx.state.route = path
    return handler(ctx)
  }
  if (path === '/v1' || path.startsWith('/v1/')) {
    ctx.state.route = '/v1/*'
    return managementApi(ctx)
  }
  const page = pages.find(({ prefix }) => isBelow(prefix, path))
  if (page) {
    ctx.state.route = `${page.prefix}/*`
    return page.handle(ctx)
  }
  const allowed = ['GET', 'POST'].filter((other) => routes.has(`${other} ${path}`))
  if (!allowed.length) throw new ApiError('not_found')
  ctx.state.route = path
  ctx.set('Allow', allowed.join(', '))
  answerOAuthError(ctx, { error: 'invalid_request', description: `use ${allowed.join(' or ')}`, status: 405 })
}
