import type { Change } from '../audit/change.ts'
import type { Origin } from '../audit/entry.ts'
import type { Clock } from '../clock.ts'
import type { Authenticated, Authenticator } from '../credentials/authenticator.ts'
import { type AccessTokenCredential, parseCredential, type SecretCredential } from '../credentials/format.ts'
import { revokeKey } from '../credentials/keys.ts'
import { changeServiceToken } from '../credentials/service-tokens.ts'
import type { Mode } from '../mode/mode.ts'
import type { AccessTokens } from './access-token.ts'
import { managementScopes } from './resource-indicator.ts'

/**
 * RFC 7009 §2.1: ends what was issued to the caller. Of long-lived credentials also those that it may revoke through
 * the management API: it proves possession besides. Anything else is left alone, and the caller isn't told.
 */
export type Revoke = (
  caller: Authenticated,
  text: string,
  request: { readonly ip: string; readonly requestId: string },
) => Promise<void>

interface Needs {
  mode: Mode
  issuer: string
  authenticator: Pick<Authenticator, 'inspect'>
  tokens: Pick<AccessTokens, 'find' | 'revoke'>
  change: Change
  clock: Clock
}

export function createRevoke({ mode, issuer, authenticator, tokens, change, clock }: Needs): Revoke {
  async function revokeAccessToken(caller: Authenticated, credential: AccessTokenCredential, origin: Origin) {
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

  async function revokeSecret(caller: Authenticated, credential: SecretCredential, origin: Origin) {
    const found = await authenticator.inspect(credential)
    if (!found.ok || found.authenticated.tenant.id !== caller.tenant.id) return
    const { client, secret } = found.authenticated
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

  const scopeOf = ({ tenant }: Authenticated) => ({ tenantId: tenant.id, mode })

  const may = (caller: Authenticated, scope: string): boolean => managementScopes(caller, issuer).includes(scope)

  return async (caller, text, request) => {
    const credential = parseCredential(text)
    if (!credential || credential.mode !== mode) return
    const actor = { type: 'api_key' as const, id: caller.client.id, name: caller.client.name }
    const origin = { actor, ...request }
    if (credential.kind === 'access_token') await revokeAccessToken(caller, credential, origin)
    else await revokeSecret(caller, credential, origin)
  }
}
