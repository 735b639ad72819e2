import type { Change } from '../audit/change.ts'
import type { Actor, Origin } from '../audit/entry.ts'
import type { Clock } from '../clock.ts'
import type { Authenticator } from '../credentials/authenticator.ts'
import type { Client } from '../credentials/client.ts'
import type { KnownClient } from '../credentials/client-registry.ts'
import {
  type AccessTokenCredential,
  parseCredential,
  type RefreshTokenCredential,
  type SecretCredential,
} from '../credentials/format.ts'
import { revokeKey } from '../credentials/keys.ts'
import { changeServiceToken } from '../credentials/service-tokens.ts'
import type { Mode } from '../mode/mode.ts'
import type { AccessTokens } from './access-token.ts'
import type { RefreshFamilies } from './refresh-family.ts'
import { managementScopes } from './resource-indicator.ts'
import { familyName } from './theft.ts'

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
  families: Pick<RefreshFamilies, 'find' | 'end'>
  change: Change
  clock: Clock
}

export function createRevoke(needs: Needs): Revoke {
  const { mode, issuer, authenticator, tokens, families, change, clock } = needs

  async function revokeAccessToken(caller: KnownClient, credential: AccessTokenCredential, origin: Origin) {
    if (credential.clientRef !== caller.client.ref) return
    const token = await tokens.find(credential)
    if (!token) return
    const target = { type: 'access_token', id: token.jti }
    await change(scopeOf(caller), origin, async () => ({
      result: undefined,
      events: [{ action: 'access_token.revoked', target, details: { client_id: token.clientId } }],
    }))
    await tokens.revoke(credential)
  }

  /** RFC 7009 §2.1: with a refresh token goes all that the authorization gave, whichever of its refresh tokens it is. */
  async function revokeFamily(caller: KnownClient, credential: RefreshTokenCredential, origin: Origin) {
    const found = await families.find(credential)
    if (found?.family.clientRef !== caller.client.ref) return
    if (!(await families.end(found.familyId, 'revoked'))) return
    const target = { type: 'refresh_family', id: familyName(found.familyId) }
    const details = { client_id: caller.client.clientId, member_id: found.family.memberId }
    await change(scopeOf(caller), origin, async () => ({
      result: undefined,
      events: [{ action: 'refresh_family.revoked', target, details }],
    }))
  }

  async function revokeSecret(caller: KnownClient, credential: SecretCredential, origin: Origin) {
    const found = await authenticator.inspect(credential)
    if (!found.ok || found.authenticated.tenant.id !== caller.tenant.id) return
    const { client, secret } = found.authenticated
    if (credential.kind === 'app_secret') return // ends with its app, through the management API
    const isServiceToken = credential.kind === 'service_token'
    const mayRevoke = may(caller, isServiceToken ? 'service-users:write' : 'api-keys:write')
    if (client.id !== caller.client.id && !mayRevoke) return
    const now = new Date(clock.now())
    await change<unknown>(scopeOf(caller), origin, (transaction) =>
      isServiceToken
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

const ACTOR_TYPE = { service_user: 'service_user', app: 'app' } as const

/** A client that acts for itself at an OAuth endpoint. */
const actorOf = ({ kind, id, name }: Client): Actor => ({
  type: kind === 'service_user' || kind === 'app' ? ACTOR_TYPE[kind] : 'api_key',
  id,
  name,
})
