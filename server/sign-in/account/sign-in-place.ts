import type { RequestContext } from '../../http/context.ts'
import type { BrowserSessions } from '../../oauth/authorization/interactions.ts'
import type { MakeCookie } from '../http/cookies.ts'
import { type Binding, newBindingValue } from '../http/csrf.ts'
import type { SignInPlace } from '../place.ts'
import { ACCOUNT, SIGN_IN } from './paths.ts'

/** The account page's own sign-in. There is no interaction, so a cookie holds the browser to its forms. */
export interface AccountSignIn {
  /** Makes the cookie if there is none. */
  begin(ctx: RequestContext, email: string | undefined): SignInPlace
  /** Undefined: this browser was never shown the form, or an hour ago. */
  resume(ctx: RequestContext): SignInPlace | undefined
}

const HOUR = 3600 * 1000
const VALUE = /^[\w-]{32}$/

export function createAccountSignIn(sessions: BrowserSessions, makeCookie: MakeCookie): AccountSignIn {
  const cookie = makeCookie('kc_csrf', HOUR)

  function read(ctx: RequestContext): string | undefined {
    const value = cookie.read(ctx)
    return value !== undefined && VALUE.test(value) ? value : undefined
  }

  function placeOf(ctx: RequestContext, value: string, email?: string): SignInPlace {
    const binding: Binding = { purpose: 'sign-in', value }
    return {
      ...{ binding, home: SIGN_IN, forAnother: SIGN_IN, steps: SIGN_IN, email },
      async finish(who) {
        await sessions.begin(ctx, who)
        cookie.clear(ctx)
        return ACCOUNT
      },
    }
  }

  return {
    begin(ctx, email) {
      const value = read(ctx) ?? newBindingValue()
      cookie.write(ctx, value)
      return placeOf(ctx, value, email)
    },
    resume(ctx) {
      const value = read(ctx)
      return value === undefined ? undefined : placeOf(ctx, value)
    },
  }
}
