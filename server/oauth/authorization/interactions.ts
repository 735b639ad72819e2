import { errors } from 'oidc-provider'
import type { KnownClient } from '../../credentials/client-registry.ts'
import type { RequestContext } from '../../http/context.ts'
import type { AuthorizationServer } from './authorization-server.ts'
import { SESSION_LIFETIME } from './lifetimes.ts'

/** What an authorization request waits for, in the browser that made it. */
export interface PendingInteraction {
  readonly uid: string
  readonly prompt: 'login' | 'consent'
  readonly known: KnownClient
  readonly redirectUri: string
  /** The resource, and every scope that the request comes to: OpenID Connect's among them. */
  readonly resource: string
  readonly scopes: readonly string[]
  readonly loginHint: string | undefined
  /** Who is signed in so far. */
  readonly memberId: string | undefined
}

/** How a sign-in came about. RFC 8176: `pwd`, `hwk`, `mfa`. */
export interface SignedIn {
  readonly memberId: string
  readonly amr: readonly string[]
}

export interface Interactions {
  /** Undefined: over, never there, or another browser's. */
  find(ctx: RequestContext): Promise<PendingInteraction | undefined>
  /** Each ends the step; where to go from there (RFC 9700 §4.12: with a 303). */
  signedIn(ctx: RequestContext, who: SignedIn): Promise<string>
  consented(ctx: RequestContext): Promise<string>
  denied(ctx: RequestContext): Promise<string>
}

/** A browser's session outside of an authorization request: for the account page. */
export interface BrowserSessions {
  current(ctx: RequestContext): Promise<CurrentSession | undefined>
  /** A new one with a new cookie, whatever was there before: nobody chooses another's session in advance. */
  begin(ctx: RequestContext, who: SignedIn): Promise<void>
  end(ctx: RequestContext): Promise<void>
}

export interface CurrentSession extends SignedIn {
  /** The cookie's value: to find its row, never to be shown. */
  readonly cookie: string
  /** NumericDate. */
  readonly authTime: number
}

interface StoredInteraction {
  uid: string
  exp: number
  prompt: { name: string }
  params: Record<string, unknown>
  session?: { accountId?: string; uid?: string } | undefined
  save(ttl: number): Promise<unknown>
}

interface StoredSession {
  jti: string
  accountId?: string
  loginTs?: number
  amr?: string[]
  loginAccount(details: object): void
  save(ttl: number): Promise<unknown>
  destroy(): Promise<void>
}

interface Needs {
  /** The current one: it changes with the signing keys. */
  server(): AuthorizationServer
  findClient(clientId: string, resource: readonly string[], ip: string): Promise<KnownClient | undefined>
}

export function createInteractions({ server, findClient }: Needs): Interactions {
  async function stored(ctx: RequestContext): Promise<StoredInteraction | undefined> {
    try {
      return (await server().provider.interactionDetails(ctx.req, ctx.res)) as unknown as StoredInteraction
    } catch (error) {
      if (error instanceof errors.SessionNotFound) return undefined
      throw error
    }
  }

  const finish = (ctx: RequestContext, result: object) =>
    server().provider.interactionResult(ctx.req, ctx.res, result as never, { mergeWithLastSubmission: true })

  return {
    async find(ctx) {
      const interaction = await stored(ctx)
      if (!interaction) return undefined
      const { uid, prompt, params, session } = interaction
      const known = await findClient(String(params.client_id), [params.resource ?? []].flat() as string[], ctx.ip)
      if (!known) return undefined
      return {
        uid,
        prompt: prompt.name === 'consent' ? 'consent' : 'login',
        known,
        redirectUri: String(params.redirect_uri),
        resource: String(params.resource),
        scopes: String(params.scope ?? '')
          .split(' ')
          .filter(Boolean),
        loginHint: typeof params.login_hint === 'string' ? params.login_hint : undefined,
        memberId: session?.accountId,
      }
    },

    async signedIn(ctx, { memberId, amr }) {
      const interaction = await stored(ctx)
      // Somebody else than before: the library would send the browser through a logout, by a form that needs JavaScript.
      if (interaction?.session?.accountId && interaction.session.accountId !== memberId) {
        await sessionOf(ctx, server()).then((session) => session.destroy())
        interaction.session = undefined
        await interaction.save(interaction.exp - Math.floor(Date.now() / 1000))
      }
      return finish(ctx, { login: { accountId: memberId, amr: [...amr], remember: true } })
    },

    consented: (ctx) => finish(ctx, { consent: {} }),
    denied: (ctx) => finish(ctx, { error: 'access_denied', error_description: 'the person did not allow it' }),
  }
}

const sessionOf = (ctx: RequestContext, { provider }: AuthorizationServer): Promise<StoredSession> =>
  provider.Session.get(ctx as never) as unknown as Promise<StoredSession>

export function createBrowserSessions({ server }: Pick<Needs, 'server'>): BrowserSessions {
  const cookieName = () =>
    (server().provider as unknown as { cookieName(type: 'session'): string }).cookieName('session')
  const cookies = (ctx: RequestContext) => server().provider.createContext(ctx.req, ctx.res).cookies
  const secure = () => server().provider.issuer.startsWith('https:')

  return {
    async current(ctx) {
      const { jti, accountId, loginTs = 0, amr = [] } = await sessionOf(ctx, server())
      return accountId === undefined ? undefined : { cookie: jti, memberId: accountId, authTime: loginTs, amr }
    },

    async begin(ctx, { memberId, amr }) {
      const before = await sessionOf(ctx, server())
      if (before.accountId !== undefined) await before.destroy()
      const fresh = new (server().provider.Session as unknown as new () => StoredSession)()
      fresh.loginAccount({ accountId: memberId, amr: [...amr] })
      await fresh.save(SESSION_LIFETIME)
      const maxAge = SESSION_LIFETIME * 1000
      const attributes = { httpOnly: true, sameSite: 'lax', path: '/', signed: true, overwrite: true } as const
      cookies(ctx).set(cookieName(), fresh.jti, { ...attributes, secure: secure(), maxAge })
    },

    async end(ctx) {
      const session = await sessionOf(ctx, server())
      await session.destroy()
      cookies(ctx).set(cookieName(), null, {
        httpOnly: true,
        path: '/',
        signed: true,
        overwrite: true,
        secure: secure(),
      })
    },
  }
}
