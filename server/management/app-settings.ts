import { type AppSettings, DEFAULT_LIFETIMES } from '../credentials/apps.ts'
import type { AppType } from '../credentials/client.ts'
import { wrongRedirectUri } from '../oauth/redirect-uri.ts'
import { resourcesOf } from '../oauth/resource-indicator.ts'
import type { OperationNeeds } from './operation.ts'

/** What is wrong with a field, at its RFC 6901 pointer. */
export interface WrongField {
  readonly pointer: string
  readonly detail: string
}

export interface AppBody {
  readonly redirect_uris?: readonly string[] | undefined
  readonly post_logout_redirect_uris?: readonly string[] | undefined
  readonly homepage?: string | null | undefined
  readonly refresh_idle?: number | undefined
  readonly refresh_absolute?: number | undefined
  readonly refresh_retry_window?: number | null | undefined
  readonly require_par?: boolean | undefined
}

type Lifetimes = Pick<AppSettings, 'refreshIdle' | 'refreshAbsolute'>

/** What zod can't know: what a type of app may have, and what fits with what is there. */
export function wrongAppFields(body: AppBody, type: AppType, before: Lifetimes = DEFAULT_LIFETIMES): WrongField[] {
  const { refresh_idle: idle = before.refreshIdle, refresh_absolute: absolute = before.refreshAbsolute } = body
  const wrong = (['redirect_uris', 'post_logout_redirect_uris'] as const).flatMap((field) =>
    (body[field] ?? []).flatMap((uri, at) => {
      const detail = wrongRedirectUri(uri, type)
      return detail ? [{ pointer: `/${field}/${at}`, detail }] : []
    }),
  )
  const shorter = { pointer: '/refresh_absolute', detail: `at least refresh_idle, which is ${idle}` }
  return absolute < idle ? [...wrong, shorter] : wrong
}

export function wrongScopes(
  wanted: readonly string[] | null | undefined,
  { tenant, issuer }: OperationNeeds,
): WrongField[] {
  if (!wanted) return []
  if (!wanted.length) return [{ pointer: '/scopes', detail: 'at least one, or leave it out' }]
  const known = new Set(resourcesOf(tenant, issuer).flatMap((resource) => resource.scopes))
  return wanted.flatMap((name, at) =>
    known.has(name) ? [] : [{ pointer: `/scopes/${at}`, detail: 'no resource has this scope' }],
  )
}

/** What the body says, in the domain's words; what it doesn't say is left out. */
export const appSettingsOf = (body: AppBody): Partial<AppSettings> => ({
  ...(body.redirect_uris && { redirectUris: [...new Set(body.redirect_uris)] }),
  ...(body.post_logout_redirect_uris && { postLogoutRedirectUris: [...new Set(body.post_logout_redirect_uris)] }),
  ...(body.homepage !== undefined && { homepage: body.homepage }),
  ...(body.refresh_idle !== undefined && { refreshIdle: body.refresh_idle }),
  ...(body.refresh_absolute !== undefined && { refreshAbsolute: body.refresh_absolute }),
  ...(body.refresh_retry_window !== undefined && { refreshRetryWindow: body.refresh_retry_window }),
  ...(body.require_par !== undefined && { requirePar: body.require_par }),
})

/** What a new one has where nothing else was said. */
export const NEW_APP_SETTINGS: AppSettings = {
  ...DEFAULT_LIFETIMES,
  redirectUris: [],
  postLogoutRedirectUris: [],
  homepage: null,
  refreshRetryWindow: null,
  requirePar: false,
}
