import type { Change } from '../audit/change.ts'
import type { Origin } from '../audit/entry.ts'
import type { Clock } from '../clock.ts'
import type { Authenticator } from '../credentials/authenticator.ts'
import type { KnownClient } from '../credentials/client-registry.ts'
import {
  type AccessTokenCredential,
  parseCredential,
  type RefreshTokenCredential,
  type SecretCredential,
} from '../credentials/format.ts'
import { revokeKey } from '../credentials/keys.ts'
import { revokePersonalAccessToken } from '../credentials/personal-access-tokens.ts'
import { changeServiceToken } from '../credentials/service-tokens.ts'
import type { Mode } from '../mode/mode.ts'
import type { AccessTokens } from './access-token.ts'
import { actorOf } from './client-actor.ts'
import type { EndTokens } from './end-token.ts'
import type { RefreshFamilies } from './refresh-family.ts'
import { managementScopes } from './resource-indicator.ts'

/**
 * RFC 7009 §2.1: ends what was issued to the caller. Of long-lived credentials also those that it may revoke through
 * the management API: it proves possession besides. Anything else is left alone, and the caller isn't told.
 */
export type Revoke = (
  caller: KnownClient,
  text: string,
  request: { readonly ip: string; readonly requestId: string },
) => Promise<void>

interface Needs {
  mode: Mode
  issuer: string
  authenticator: Pick<Authenticator, 'inspect'>
  tokens: Pick<AccessTokens, 'find' | 'revoke'>
  families: Pick<RefreshFamilies, 'find'>
  endTokens: EndTokens
  change: Change
  clock: Clock
}

export function createRevoke(needs: Needs): Revoke {
  const { mode, issuer, authenticator, tokens, families, endTokens, change, clock } = needs

  async function revokeAccessToken(caller: KnownClient, credential: AccessTokenCredential, origin: Origin) {
    if (credential.clientRef !== caller.client.ref) return
    const token = await tokens.find(credential)
    if (token) await endTokens.accessToken(credential, token, { origin })
    // Over by this node's clock, it may be good by that of another, which is behind.
    else await tokens.revoke(credential)
  }

  /** RFC 7009 §2.1: with a refresh token goes all that the authorization gave, whichever of its refresh tokens it is. */
  async function revokeFamily(caller: KnownClient, credential: RefreshTokenCredential, origin: Origin) {
    const found = await families.find(credential)
    if (found?.family.clientRef !== caller.client.ref) return
    await endTokens.family(found, caller.client.clientId, { origin })
  }

  async function revokeSecret(caller: KnownClient, credential: SecretCredential, origin: Origin) {
    const found = await authenticator.inspect(credential)
    if (!found.ok || found.authenticated.tenant.id !== caller.tenant.id) return
    const { client, secret } = found.authenticated
    if (credential.kind === 'app_secret') return // ends with its app, through the management API
    const mayRevoke = may(caller, REVOKED_BY[credential.kind])
    if (client.id !== caller.client.id && !mayRevoke) return
    const now = new Date(clock.now())
    await change<unknown>(scopeOf(caller), origin, (transaction) =>
      client.person
        ? revokePersonalAccessToken(transaction, { id: client.id, memberId: client.person.id }, now)
        : credential.kind === 'service_token'
          ? changeServiceToken(transaction, secret.id, 'revoked', now)
          : revokeKey(transaction, client.id, now),
    )
  }

  const scopeOf = ({ tenant }: KnownClient) => ({ tenantId: tenant.id, mode })

  const may = (caller: KnownClient, scope: string): boolean => managementScopes(caller, issuer).includes(scope)

  return async (caller, text, request) => {
    const credential = parseCredential(text)
    if (!credential || credential.mode !== mode) return
    const origin = { actor: actorOf(caller.client), ...request }
    if (credential.kind === 'access_token') await revokeAccessToken(caller, credential, origin)
    else if (credential.kind === 'refresh_token') await revokeFamily(caller, credential, origin)
    else await revokeSecret(caller, credential, origin)
  }
}

const REVOKED_BY = {
  standard_key: 'api-keys:write',
  enterprise_key: 'api-keys:write',
  service_token: 'service-users:write',
  personal_access_token: 'personal-access-tokens:write',
} as const
