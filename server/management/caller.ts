import type { Actor } from '../audit/entry.ts'
import type { Authenticator, Refusal } from '../credentials/authenticator.ts'
import type { KnownClient } from '../credentials/client-registry.ts'
import { type AccessTokenCredential, parseCredential, type SecretCredential } from '../credentials/format.ts'
import type { Peer } from '../credentials/peer.ts'
import { ApiError, type ApiErrorDetails } from '../http/problem.ts'
import type { Mode } from '../mode/mode.ts'
import type { AccessToken } from '../oauth/access-token.ts'
import { isOpenIdScope } from '../oauth/delegated-scope.ts'
import { managementScopes } from '../oauth/resource-indicator.ts'
import type { Consents } from '../people/consent.ts'
import { type Challenges, schemeOf } from './challenge.ts'
import type { PresentedCredential } from './presented-credential.ts'
import { type AcceptToken, mustBeBound } from './presented-token.ts'

/** Who calls the management API, and what it may do there. */
export interface Caller extends KnownClient {
  readonly actor: Actor
  /** What it holds at the management API. */
  readonly scopes: ReadonlySet<string>
  /** Whether it holds all that the tenant has, now and later. */
  readonly hasEverything: boolean
  /** Whoever acts in person. What they hold now is in `scopes`; what they are is asked where it matters. */
  readonly person: CallingPerson | undefined
}

export interface CallingPerson {
  readonly id: string
  /** Whether the credential is worth all that they have, now and later. */
  readonly hasAll: boolean
}

/** @throws {ApiError} */
export type IdentifyCaller = (presented: PresentedCredential) => Promise<Caller>

interface Needs {
  mode: Mode
  issuer: string
  authenticator: Pick<Authenticator, 'authenticate'>
  acceptToken: AcceptToken
  consents: Pick<Consents, 'read'>
  challenges: Challenges
}

/** The one way to authenticate a caller of `/v1`, by every kind of credential. */
export function createIdentifyCaller(needs: Needs): IdentifyCaller {
  const { mode, issuer, authenticator, acceptToken, consents, challenges } = needs

  async function bySecret(credential: SecretCredential, peer: Peer): Promise<Caller> {
    const result = await authenticator.authenticate(credential, peer)
    if (!result.ok) throw refused(result.refusal, challenges)
    const { client, tenant, secret } = result.authenticated
    if (mustBeBound({ client, tenant })) {
      // A key that must be bound is worth nothing in itself: it is exchanged for a bound token first.
      const detail = client.person
        ? 'only DPoP-bound tokens are accepted here, which a personal access token is not'
        : 'this key must be exchanged for a DPoP-bound token'
      throw challenges.unauthenticated('DPoP', 'invalid_token', detail)
    }
    const actor: Actor =
      credential.kind === 'service_token'
        ? { type: 'service_token', id: secret.id, name: `${client.name}: ${secret.name}` }
        : { type: 'api_key', id: client.id, name: client.name }
    const scopes = new Set(managementScopes({ client, tenant }, issuer))
    const known = { client, tenant, scopes }
    if (!client.person) return { ...known, actor, person: undefined, hasEverything: client.scopes === 'all' }
    const { id, email } = client.person
    const member: Actor = { type: 'member', id, name: `${email} by token ${client.name}` }
    return { ...known, actor: member, person: { id, hasAll: client.scopes === 'all' }, hasEverything: false }
  }

  async function byAccessToken(credential: AccessTokenCredential, presented: PresentedCredential): Promise<Caller> {
    const { token, known } = await acceptToken(credential, presented)
    // RFC 8707 §2: a token for another resource is no token here.
    if (token.audience !== issuer) throw challenges.unauthenticated(schemeOf(presented.authorization))
    // OpenID Connect's scopes are about the person, and nothing that a credential made here could have.
    const scopes = new Set(token.scope.split(' ').filter((scope) => !isOpenIdScope(scope)))
    return { ...known, ...(await whoActs(token, known)), scopes, hasEverything: false }
  }

  /** A person acts in their own name, whichever app they use. */
  async function whoActs(
    { jti, delegation }: AccessToken,
    { client }: KnownClient,
  ): Promise<Pick<Caller, 'actor' | 'person'>> {
    const consent = delegation && (await consents.read(delegation.consentRef))
    if (!consent) return { actor: { type: 'access_token', id: jti, name: client.name }, person: undefined }
    const { memberId: id, email } = consent
    return { actor: { type: 'member', id, name: `${email} by ${client.name}` }, person: { id, hasAll: false } }
  }

  return async (presented) => {
    const text = presentedText(presented, challenges)
    const credential = parseCredential(text)
    const scheme = schemeOf(presented.authorization)
    if (!credential) throw challenges.unauthenticated(scheme)
    if (credential.mode !== mode) throw refused({ reason: 'wrong_mode' }, challenges)
    if (credential.kind === 'access_token') return byAccessToken(credential, presented)
    // An app's credentials are for the token endpoint alone.
    const { kind } = credential
    if (kind === 'refresh_token' || kind === 'app_secret' || scheme === 'DPoP') throw challenges.unauthenticated(scheme)
    return bySecret(credential, presented.peer)
  }
}

function presentedText({ authorization, apiKey }: PresentedCredential, challenges: Challenges): string {
  if (authorization === undefined && apiKey === undefined) throw challenges.authenticationRequired()
  if (authorization === undefined) return apiKey as string
  const [, text] = /^(?:bearer|dpop) +(\S+)$/i.exec(authorization) ?? []
  // Two credentials could be two callers: RFC 6750 §2 allows one method per request.
  if (!text || apiKey !== undefined) throw challenges.unauthenticated(schemeOf(authorization))
  return text
}

function refused({ reason, retryAfter }: Refusal, challenges: Challenges): ApiError {
  const limited: ApiErrorDetails = { detail: 'too many failed attempts; the right credential still works' }
  if (retryAfter !== undefined) return new ApiError('rate_limited', { ...limited, retryAfter })
  if (reason === 'wrong_mode') return new ApiError('wrong_key_type')
  if (reason === 'tenant_inactive') return new ApiError('subscription_inactive')
  return challenges.unauthenticated('Bearer', undefined, undefined, reason)
}
