import { errors } from 'oidc-provider'
import type { KnownClient } from '../../credentials/client-registry.ts'
import { isOpenIdScope } from '../delegated-scope.ts'
import type { OAuthError } from '../oauth-error.ts'
import { resolveResource, scopesAt } from '../resource-indicator.ts'
import { narrowScope } from '../scope.ts'

/** The members of oidc-provider's context that say what is asked for. It reads `scope` again after this. */
export interface RequestedParams {
  scope?: string
  resource?: string | string[]
}

/** oidc-provider's name for what a token for this resource may be. */
export interface ResourceServerInfo {
  readonly scope: string
  readonly audience: string
  readonly accessTokenFormat: 'opaque'
}

/**
 * The contract's rule about scopes, where oidc-provider would drop in silence what is beyond: none named is all that
 * the app has at the resource, a subset is exactly that, anything beyond is `invalid_scope`.
 *
 * @param original `scope` as it was sent; the library has taken `offline_access` out of `params` by now
 * @throws what oidc-provider redirects back to the app with
 */
export function resolveRequestedScope(
  { client, tenant }: KnownClient,
  issuer: string,
  params: RequestedParams,
  original: string | undefined,
): ResourceServerInfo {
  const target = resolveResource(tenant, issuer, params.resource)
  if (!target.ok) throw providerError(target.error)
  const available = scopesAt(target.value, client)
  const named = params.scope?.split(' ') ?? []
  const openid = named.filter(isOpenIdScope)
  const atResource = named.filter((scope) => !isOpenIdScope(scope))
  if (!atResource.length && (openid.length || original)) {
    if (!openid.length) throw new errors.InvalidScope('name a scope besides it', 'offline_access')
  } else {
    const granted = narrowScope(available, atResource)
    if (!granted.ok) throw providerError(granted.error)
    params.scope = [...openid, ...granted.value].join(' ')
  }
  return { scope: available.join(' '), audience: target.value.identifier, accessTokenFormat: 'opaque' }
}

function providerError({ error, description, scope }: OAuthError): Error {
  if (error === 'invalid_target') return new errors.InvalidTarget(description)
  return new errors.InvalidScope(description, scope as string)
}
