import type { RequestContext } from './context.ts'

interface Needs {
  /** Whether the stores answer. */
  ping(): Promise<void>
  /** Whether new requests are still welcome: not while draining. */
  isOpen(): boolean
}

/** `/livez`: the process runs. `/readyz`: it can serve. For probes, which come with any Host. */
export const health =
  ({ ping, isOpen }: Needs) =>
  async (ctx: RequestContext, next: () => Promise<void>): Promise<void> => {
    if (ctx.path !== '/livez' && ctx.path !== '/readyz') return next()
    ctx.state.route = ctx.path
    ctx.set('Cache-Control', 'no-store')
    const ready = ctx.path === '/livez' || (isOpen() && (await answers(ping)))
    ctx.status = ready ? 200 : 503
    ctx.body = { status: ready ? 'ok' : 'unavailable' }
  }

const answers = (ping: () => Promise<void>): Promise<boolean> =>
  ping().then(
    () => true,
    () => false,
  )
