import type { Actor } from '../audit/entry.ts'
import type { Authenticator, Refusal } from '../credentials/authenticator.ts'
import type { ClientRegistry, KnownClient } from '../credentials/client-registry.ts'
import { type AccessTokenCredential, parseCredential, type SecretCredential } from '../credentials/format.ts'
import { ApiError, type ApiErrorDetails } from '../http/problem.ts'
import type { Mode } from '../mode/mode.ts'
import type { AccessTokens } from '../oauth/access-token.ts'
import type { DpopProofs } from '../oauth/dpop-proof.ts'
import { managementScopes } from '../oauth/resource-indicator.ts'

/** Who calls the management API, and what it may do there. */
export interface Caller extends KnownClient {
  readonly actor: Actor
  /** What it holds at the management API. */
  readonly scopes: ReadonlySet<string>
  /** Whether it holds all that the tenant has, now and later. */
  readonly hasEverything: boolean
}

/** What of a request tells who sent it. */
export interface PresentedCredential {
  readonly authorization: string | undefined
  readonly apiKey: string | undefined
  readonly dpop: string | undefined
  readonly method: string
  readonly url: string
  readonly address: string
}

/** @throws {ApiError} */
export type IdentifyCaller = (presented: PresentedCredential) => Promise<Caller>

interface Needs {
  mode: Mode
  issuer: string
  authenticator: Pick<Authenticator, 'authenticate'>
  clients: ClientRegistry
  tokens: Pick<AccessTokens, 'findLive'>
  dpopProofs: DpopProofs
}

/** The one way to authenticate a caller of `/v1`, by every kind of credential. */
export function createIdentifyCaller(needs: Needs): IdentifyCaller {
  const { mode, issuer, authenticator, clients, tokens, dpopProofs } = needs

  async function bySecret(credential: SecretCredential, address: string): Promise<Caller> {
    const result = await authenticator.authenticate(credential, address, async () => undefined)
    if (!result.ok) throw refused(result.refusal)
    const { client, tenant, secret } = result.authenticated
    if (client.requireDpop || tenant.requireDpop) {
      // A key that must be bound is worth nothing in itself: it is exchanged for a bound token first.
      throw unauthenticated(dpopChallenge('invalid_token'), 'this key must be exchanged for a DPoP-bound token')
    }
    const actor: Actor =
      credential.kind === 'service_token'
        ? { type: 'service_token', id: secret.id, name: `${client.name}: ${secret.name}` }
        : { type: 'api_key', id: client.id, name: client.name }
    const scopes = new Set(managementScopes({ client, tenant }, issuer))
    return { client, tenant, actor, scopes, hasEverything: client.scopes === 'all' }
  }

  async function byAccessToken(credential: AccessTokenCredential, presented: PresentedCredential): Promise<Caller> {
    const token = await tokens.findLive(credential)
    // RFC 8707 §2: a token for another resource is no token here.
    if (token?.audience !== issuer) throw unauthenticated()
    await checkBinding(token.jkt, credential, presented)
    const known = await currentClient(credential.clientRef)
    if (!known) throw unauthenticated()
    if (known.tenant.status !== 'active') throw refused({ reason: 'tenant_inactive' })
    const actor: Actor = { type: 'access_token', id: token.jti, name: known.client.name }
    return { ...known, actor, scopes: new Set(token.scope.split(' ')), hasEverything: false }
  }

  /** RFC 9449 §7.1: a bound token goes with the DPoP scheme and a proof of its key, any other with Bearer. */
  async function checkBinding(
    jkt: string | undefined,
    { text }: AccessTokenCredential,
    presented: PresentedCredential,
  ) {
    const { method, url, dpop, authorization } = presented
    const asDpop = /^dpop /i.test(authorization ?? '')
    if (!jkt && !asDpop) return
    if (!jkt || !asDpop) throw unauthenticated(dpopChallenge('invalid_token'))
    const proof =
      dpop === undefined ? undefined : await dpopProofs.verify({ proof: dpop, method, url, accessToken: text })
    if (!proof || proof.jkt !== jkt || !(await dpopProofs.isFirstUse(proof))) {
      throw unauthenticated(dpopChallenge('invalid_dpop_proof'), 'the DPoP proof is missing, wrong or used')
    }
  }

  async function currentClient(ref: string): Promise<KnownClient | undefined> {
    const known = await clients.ofRef(ref)
    if (!known || (await clients.isCurrent(known))) return known
    clients.forget(known)
    return clients.ofRef(ref)
  }

  return async (presented) => {
    const text = presentedText(presented)
    const credential = parseCredential(text)
    if (!credential) throw unauthenticated()
    if (credential.mode !== mode) throw refused({ reason: 'wrong_mode' })
    if (credential.kind === 'access_token') return byAccessToken(credential, presented)
    if (/^dpop /i.test(presented.authorization ?? '')) throw unauthenticated()
    return bySecret(credential, presented.address)
  }
}

const BEARER = 'Bearer realm="Keycourt"'

/** The error of RFC 9449 §7.1. */
const dpopChallenge = (error: string): string => `DPoP error="${error}", algs="ES256 EdDSA Ed25519"`

function presentedText({ authorization, apiKey }: PresentedCredential): string {
  if (authorization === undefined && apiKey === undefined) {
    throw new ApiError('authentication_required', { challenge: BEARER })
  }
  if (authorization === undefined) return apiKey as string
  const [, text] = /^(?:bearer|dpop) +(\S+)$/i.exec(authorization) ?? []
  // Two credentials could be two callers: RFC 6750 §2 allows one method per request.
  if (!text || apiKey !== undefined) throw unauthenticated()
  return text
}

function unauthenticated(challenge = `${BEARER}, error="invalid_token"`, detail?: string): ApiError {
  return new ApiError('invalid_api_key', { challenge, ...(detail && { detail }) })
}

function refused({ reason, retryAfter }: Refusal): ApiError {
  const limited: ApiErrorDetails = { detail: 'too many failed attempts; the right credential still works' }
  if (retryAfter !== undefined) return new ApiError('rate_limited', { ...limited, retryAfter })
  if (reason === 'wrong_mode') return new ApiError('wrong_key_type')
  if (reason === 'tenant_inactive') return new ApiError('subscription_inactive')
  return unauthenticated()
}
