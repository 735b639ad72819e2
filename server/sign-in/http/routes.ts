import type { Handler, RequestContext } from '../../http/context.ts'
import type { ErrorAnswers } from './error-answers.ts'

export interface Route {
  readonly method: 'GET' | 'POST'
  /** `/oauth/interaction/:uid/password`. */
  readonly pattern: string
  handle(ctx: RequestContext, uid: string): Promise<void> | void
}

/** What a segment that names an interaction looks like: nothing else is worth looking for. */
const UID = '([\\w-]{1,64})'

export function serveRoutes(routes: readonly Route[], errors: ErrorAnswers): Handler {
  const compiled = routes.map((route) => ({ ...route, path: new RegExp(`^${route.pattern.replace(':uid', UID)}$`) }))
  return (ctx) => {
    const method = ctx.method === 'HEAD' ? 'GET' : ctx.method
    const here = compiled.filter(({ path }) => path.test(ctx.path))
    const [first] = here
    if (!first) return errors.notFound(ctx)
    ctx.state.route = first.pattern
    const route = here.find((candidate) => candidate.method === method)
    if (!route)
      return errors.wrongMethod(
        ctx,
        here.map((candidate) => candidate.method),
      )
    return route.handle(ctx, route.path.exec(ctx.path)?.[1] ?? '')
  }
}
