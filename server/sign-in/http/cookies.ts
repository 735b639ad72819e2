import type { RequestContext } from '../../http/context.ts'
import type { Mode } from '../../mode/mode.ts'

export interface Cookie {
  read(ctx: RequestContext): string | undefined
  write(ctx: RequestContext, value: string): void
  clear(ctx: RequestContext): void
}

export type MakeCookie = (name: string, maxAge: number) => Cookie

/** Both modes may be on one host, hence the mode in the name; `__Host-` keeps neighbouring hosts from planting one. */
export const createCookies =
  (mode: Mode, issuer: string): MakeCookie =>
  (name, maxAge) => {
    const https = issuer.startsWith('https:')
    const full = `${https ? '__Host-' : ''}${name}_${mode}`
    const attributes = {
      httpOnly: true,
      sameSite: 'lax',
      path: '/',
      secure: https,
      overwrite: true,
      signed: false,
    } as const
    const cookies = (ctx: RequestContext) => {
      ctx.cookies.secure = https // the balancer may have ended TLS
      return ctx.cookies
    }
    return {
      read: (ctx) => cookies(ctx).get(full, { signed: false }),
      write: (ctx, value) => void cookies(ctx).set(full, value, { ...attributes, maxAge }),
      clear: (ctx) => void cookies(ctx).set(full, null, attributes),
    }
  }
