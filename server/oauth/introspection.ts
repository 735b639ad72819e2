import { epochSeconds } from '../clock.ts'
import type { Authenticated, Authenticator } from '../credentials/authenticator.ts'
import { type AccessTokenCredential, parseCredential, type SecretCredential } from '../credentials/format.ts'
import type { Mode } from '../mode/mode.ts'
import type { AccessToken, AccessTokens } from './access-token.ts'
import { managementScopes } from './resource-indicator.ts'

/** RFC 7662 §2.2. */
export type Introspection = { readonly active: false } | ActiveToken

export interface ActiveToken {
  readonly active: true
  readonly token_type: 'Bearer' | 'DPoP' | 'api_key' | 'service_token'
  readonly client_id: string
  readonly sub: string
  readonly scope: string
  readonly iss: string
  readonly aud?: string
  readonly iat: number
  readonly exp?: number
  readonly jti?: string
  readonly cnf?: { readonly jkt: string }
}

/** What a presented string is now, and whose, for callers that have yet to be found worthy of the answer. */
export interface Found {
  readonly tenantId: string
  readonly token: ActiveToken
}

export interface Introspect {
  /** Undefined for whatever is not active: unknown, malformed, expired, revoked, of the other mode. */
  find(text: string): Promise<Found | undefined>
  /**
   * What the caller may know: of its own tenant's tokens, and if it holds `tokens:introspect`. Anything else is
   * inactive with no hint why (stricter than RFC 7662 §2.1, which would allow a 403).
   */
  answer(caller: Authenticated, found: Found | undefined): Introspection
}

const INTROSPECT_SCOPE = 'tokens:introspect'
const INACTIVE: Introspection = { active: false }

interface Needs {
  mode: Mode
  issuer: string
  authenticator: Pick<Authenticator, 'inspect'>
  tokens: Pick<AccessTokens, 'findLive'>
}

export function createIntrospect({ mode, issuer, authenticator, tokens }: Needs): Introspect {
  async function findAccessToken(credential: AccessTokenCredential): Promise<Found | undefined> {
    const token = await tokens.findLive(credential)
    return token && { tenantId: token.tenantId, token: describeAccessToken(token) }
  }

  async function findSecret(credential: SecretCredential): Promise<Found | undefined> {
    const result = await authenticator.inspect(credential)
    if (!result.ok) return undefined
    return { tenantId: result.authenticated.tenant.id, token: describeSecret(credential, result.authenticated) }
  }

  const describeAccessToken = (token: AccessToken): ActiveToken => ({
    active: true,
    token_type: token.jkt ? 'DPoP' : 'Bearer',
    client_id: token.clientId,
    sub: token.clientId, // RFC 9068 §2.2: without a resource owner, the client itself
    scope: token.scope,
    iss: issuer,
    aud: token.audience,
    iat: token.iat,
    exp: token.exp,
    jti: token.jti,
    ...(token.jkt && { cnf: { jkt: token.jkt } }), // RFC 9449 §6.2
  })

  function describeSecret({ kind }: SecretCredential, { client, tenant, secret }: Authenticated): ActiveToken {
    const expiresAt = earliest(client.expiresAt, secret.expiresAt)
    return {
      active: true,
      token_type: kind === 'service_token' ? 'service_token' : 'api_key',
      client_id: client.clientId,
      sub: client.clientId,
      scope: managementScopes({ client, tenant }, issuer).join(' '),
      iss: issuer,
      iat: epochSeconds(client.createdAt),
      ...(expiresAt !== undefined && { exp: epochSeconds(expiresAt) }),
    }
  }

  return {
    async find(text) {
      const credential = parseCredential(text)
      if (!credential || credential.mode !== mode) return undefined
      return credential.kind === 'access_token' ? findAccessToken(credential) : findSecret(credential)
    },

    answer(caller, found) {
      const allowed = managementScopes(caller, issuer).includes(INTROSPECT_SCOPE)
      return allowed && found?.tenantId === caller.tenant.id ? found.token : INACTIVE
    },
  }
}

const earliest = (...times: (number | undefined)[]): number | undefined => {
  const known = times.filter((time) => time !== undefined)
  return known.length ? Math.min(...known) : undefined
}
