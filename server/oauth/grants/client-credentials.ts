import type { KnownClient } from '../../credentials/client-registry.ts'
import type { AccessTokens, MintedToken } from '../access-token.ts'
import { fail, type Result, succeed } from '../oauth-error.ts'
import { resolveResource, scopesAt } from '../resource-indicator.ts'
import { narrowScope, parseScope } from '../scope.ts'

/** RFC 6749 §4.4.2, RFC 8707 §2, and the key of a DPoP proof that has been verified (RFC 9449 §5). */
export interface ClientCredentialsRequest {
  readonly scope: string | undefined
  readonly resource: string | readonly string[] | undefined
  readonly jkt: string | undefined
}

export type ClientCredentialsGrant = (
  known: KnownClient,
  request: ClientCredentialsRequest,
) => Promise<Result<MintedToken>>

interface Needs {
  issuer: string
  tokens: Pick<AccessTokens, 'mint'>
}

/** RFC 6749 §4.4: a client gets a token for itself. No refresh token (§4.4.3): it can ask again at any time. */
export const createClientCredentialsGrant =
  ({ issuer, tokens }: Needs): ClientCredentialsGrant =>
  async ({ client, tenant }, { scope, resource, jkt }) => {
    const requested = parseScope(scope)
    if (!requested.ok) return requested
    if (client.kind !== 'standard' && client.kind !== 'enterprise') {
      return fail('unauthorized_client', 'this kind of client may not use client_credentials')
    }
    if (!jkt && (client.requireDpop || tenant.requireDpop)) {
      // RFC 9449 §5.2: token requests without a proof are refused where the client is bound to send one.
      return fail('invalid_dpop_proof', 'a DPoP proof is required')
    }
    const target = resolveResource(tenant, issuer, resource)
    if (!target.ok) return target
    const granted = narrowScope(scopesAt(target.value, client), requested.value)
    if (!granted.ok) return granted
    return succeed(await tokens.mint({ client, resource: target.value, scope: granted.value, jkt }))
  }
