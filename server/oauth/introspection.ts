import { epochSeconds } from '../clock.ts'
import { type Authenticated, type Authenticator, usedSecret } from '../credentials/authenticator.ts'
import { isServiceUserId } from '../credentials/client.ts'
import type { ClientRegistry, KnownClient } from '../credentials/client-registry.ts'
import {
  type AccessTokenCredential,
  parseCredential,
  type RefreshTokenCredential,
  type SecretCredential,
} from '../credentials/format.ts'
import type { Usage, UsedSecret } from '../credentials/usage.ts'
import type { Mode } from '../mode/mode.ts'
import type { Consents } from '../people/consent.ts'
import type { Claims } from '../workload-identity/model.ts'
import type { AccessToken, AccessTokens } from './access-token.ts'
import type { RefreshFamilies } from './refresh-family.ts'
import { managementScopes } from './resource-indicator.ts'
import type { Act, WorkloadOrigin } from './token-record.ts'

/** RFC 7662 §2.2. */
export type Introspection = { readonly active: false } | ActiveToken

export interface ActiveToken {
  readonly active: true
  readonly token_type: 'Bearer' | 'DPoP' | 'refresh_token' | 'api_key' | 'service_token' | 'personal_access_token'
  readonly client_id: string
  readonly sub: string
  readonly scope: string
  readonly iss: string
  readonly aud?: string
  readonly iat?: number
  readonly exp?: number
  readonly jti?: string
  readonly cnf?: { readonly jkt: string }
  /** RFC 8693 §4.1. */
  readonly act?: Act
  /** Ids of a service user's teams, by which a relying party may tell what it is for. */
  readonly teams?: readonly string[]
  /** Whom a platform vouched for. */
  readonly workload?: {
    readonly iss: string
    readonly sub: string
    readonly claims: Claims
    readonly provider_id: string
    readonly binding_id: string
  }
}

/** What a presented string is now, and whose, for callers that have yet to be found worthy of the answer. */
export interface Found {
  readonly tenantId: string
  readonly token: ActiveToken
  /** Of a long-lived credential: to answer about it is to use it. */
  readonly secret?: UsedSecret
}

export interface Introspect {
  /** Of a token that is good now. A service user's teams are not in it. */
  ofAccessToken(token: AccessToken): Found
  /** Undefined for whatever is not active: unknown, malformed, expired, revoked, of the other mode. */
  find(text: string): Promise<Found | undefined>
  /**
   * What the caller may know: of its own tenant's tokens, and if it holds `tokens:introspect`. Anything else is
   * inactive with no hint why (stricter than RFC 7662 §2.1, which would allow a 403).
   */
  answer(caller: KnownClient, found: Found | undefined): Introspection
}

/** The contract's: a relying party needs one call for whatever it is shown. */
const TOKEN_TYPE = {
  standard_key: 'api_key',
  enterprise_key: 'api_key',
  service_token: 'service_token',
  personal_access_token: 'personal_access_token',
} as const

type KeyCredential = SecretCredential & { readonly kind: keyof typeof TOKEN_TYPE }

const INTROSPECT_SCOPE = 'tokens:introspect'
const INACTIVE: Introspection = { active: false }

interface Needs {
  mode: Mode
  issuer: string
  authenticator: Pick<Authenticator, 'inspect'>
  tokens: Pick<AccessTokens, 'findLive'>
  families: Pick<RefreshFamilies, 'find'>
  clients: Pick<ClientRegistry, 'ofRef' | 'current'>
  consents: Pick<Consents, 'read'>
  usage: Pick<Usage, 'used'>
}

export function createIntrospect(needs: Needs): Introspect {
  const { mode, issuer, authenticator, tokens, families, clients, consents, usage } = needs

  async function findAccessToken(credential: AccessTokenCredential): Promise<Found | undefined> {
    const token = await tokens.findLive(credential)
    if (!token) return undefined
    const found = ofAccessToken(token)
    return { ...found, token: { ...found.token, ...(await teamsOf(token, credential)) } }
  }

  /** Of a service user: no other client's token costs a look at the client. */
  async function teamsOf({ clientId }: AccessToken, { clientRef }: AccessTokenCredential) {
    if (!isServiceUserId(clientId)) return {}
    const known = await clients.current(() => clients.ofRef(clientRef))
    return { teams: known?.client.teams ?? [] }
  }

  async function findSecret(credential: KeyCredential): Promise<Found | undefined> {
    const result = await authenticator.inspect(credential)
    if (!result.ok) return undefined
    const { authenticated } = result
    const token = describeSecret(credential, authenticated)
    return { tenantId: authenticated.tenant.id, token, secret: usedSecret(authenticated) }
  }

  async function findRefreshToken(credential: RefreshTokenCredential): Promise<Found | undefined> {
    const found = await families.find(credential)
    if (!found?.isGood) return undefined
    const { family, endsAt } = found
    const consent = await consents.read(family.consentRef)
    const known = await clients.current(() => clients.ofRef(family.clientRef))
    const stands = consent?.epoch === family.consentEpoch && known?.client.epoch === family.clientEpoch
    if (!known || !stands || known.client.revokedAt !== undefined) return undefined
    const token: ActiveToken = {
      active: true,
      token_type: 'refresh_token',
      client_id: known.client.clientId,
      sub: family.memberId,
      scope: family.scope.join(' '),
      iss: issuer,
      aud: family.audience,
      exp: epochSeconds(endsAt),
      ...(family.jkt && { cnf: { jkt: family.jkt } }),
    }
    return { tenantId: family.tenantId, token }
  }

  const ofAccessToken = (token: AccessToken): Found => ({
    tenantId: token.tenantId,
    token: describeAccessToken(token),
  })

  const describeAccessToken = (token: AccessToken): ActiveToken => ({
    active: true,
    token_type: token.jkt ? 'DPoP' : 'Bearer',
    client_id: token.clientId,
    sub: token.delegation?.memberId ?? token.clientId, // RFC 9068 §2.2: without a resource owner, the client itself
    scope: token.scope,
    iss: issuer,
    aud: token.audience,
    iat: token.iat,
    exp: token.exp,
    jti: token.jti,
    ...(token.jkt && { cnf: { jkt: token.jkt } }), // RFC 9449 §6.2
    ...(token.act && { act: token.act }),
    ...(token.workload && { workload: describeWorkload(token.workload) }),
  })

  function describeSecret({ kind }: KeyCredential, { client, tenant, secret }: Authenticated): ActiveToken {
    const expiresAt = earliest(client.expiresAt, secret.expiresAt)
    return {
      active: true,
      token_type: TOKEN_TYPE[kind],
      client_id: client.clientId,
      sub: client.person?.id ?? client.clientId,
      scope: managementScopes({ client, tenant }, issuer).join(' '),
      iss: issuer,
      iat: epochSeconds(client.createdAt),
      ...(client.kind === 'service_user' && { teams: client.teams }),
      ...(expiresAt !== undefined && { exp: epochSeconds(expiresAt) }),
    }
  }

  return {
    ofAccessToken,

    async find(text) {
      const credential = parseCredential(text)
      if (!credential || credential.mode !== mode) return undefined
      const { kind } = credential
      if (kind === 'access_token') return findAccessToken(credential)
      if (kind === 'refresh_token') return findRefreshToken(credential)
      // An app's secret authenticates the app here, and opens nothing anywhere.
      return kind === 'app_secret' ? undefined : findSecret({ ...credential, kind })
    },

    answer(caller, found) {
      const allowed = managementScopes(caller, issuer).includes(INTROSPECT_SCOPE)
      if (!allowed || found?.tenantId !== caller.tenant.id) return INACTIVE
      if (found.secret) usage.used(found.secret, undefined)
      return found.token
    },
  }
}

const describeWorkload = ({ iss, sub, claims, providerId, bindingId }: WorkloadOrigin) => ({
  ...{ iss, sub, claims, provider_id: providerId, binding_id: bindingId },
})

const earliest = (...times: (number | undefined)[]): number | undefined => {
  const known = times.filter((time) => time !== undefined)
  return known.length ? Math.min(...known) : undefined
}
