import type { Change } from '../../audit/change.ts'
import type { KnownClient } from '../../credentials/client-registry.ts'
import { parseCredential } from '../../credentials/format.ts'
import type { Mode } from '../../mode/mode.ts'
import type { Consents } from '../../people/consent.ts'
import type { AccessTokens } from '../access-token.ts'
import { delegatedScopes } from '../delegated-scope.ts'
import { requireProof } from '../dpop-required.ts'
import type { IssueIdToken } from '../id-token.ts'
import { fail, type Result, succeed } from '../oauth-error.ts'
import type { Family, Refreshed, RefreshFamilies } from '../refresh-family.ts'
import { resolveResource } from '../resource-indicator.ts'
import { narrowScope, parseScope } from '../scope.ts'
import { auditTheft, familyName } from '../theft.ts'
import type { Grant, GrantRequest, TokenResponse } from './grant.ts'

interface Needs {
  mode: Mode
  issuer: string
  consents: Pick<Consents, 'read'>
  families: Pick<RefreshFamilies, 'use'>
  tokens: Pick<AccessTokens, 'mint'>
  issueIdToken: IssueIdToken
  change: Change
}

/** Made ready before the refresh token is used up, so that nothing can fail between. */
type Given = Omit<TokenResponse, 'refreshToken'>

interface Found {
  readonly family: Family
  readonly familyId: string
}

/** Milliseconds, where the app names none and somebody who stole the token couldn't use it anyway. */
const DEFAULT_RETRY_WINDOW = 30_000

/** RFC 6749 §6, with rotation and reuse detection as RFC 9700 §4.14.2 wants them. */
export function createRefreshTokenGrant(needs: Needs): Grant {
  const { mode, issuer, consents, families, tokens, issueIdToken, change } = needs

  /** What is left now of what was agreed to: the app, the person and the consent may have lost some of it since. */
  async function admit(known: KnownClient, request: GrantRequest, { family, familyId }: Found): Promise<Result<Given>> {
    const { client, tenant } = known
    const requested = parseScope(request.params.scope)
    if (!requested.ok) return requested
    const target = resolveResource(tenant, issuer, family.audience)
    if (!target.ok) return target
    if (request.resource.some((each) => each !== family.audience && `${family.audience}/` !== each)) {
      return fail('invalid_target', 'the refresh token is for another resource')
    }
    const consent = await consents.read(family.consentRef)
    if (consent?.epoch !== family.consentEpoch || client.epoch !== family.clientEpoch) {
      return fail('invalid_grant', 'what the refresh token stands for was withdrawn')
    }
    const left = delegatedScopes(target.value, client, consent).filter((scope) => family.scope.includes(scope))
    const granted = narrowScope(left, requested.value)
    if (!granted.ok) return granted
    const [scope, delegation] = [granted.value, { ...family, familyId }]
    const token = await tokens.mint({ client, tenant, resource: target.value, scope, jkt: request.jkt, delegation })
    // OpenID Connect Core 1.0 §12.2: the same sub and auth_time, and no nonce.
    const idToken = scope.includes('openid')
      ? await issueIdToken({ aud: client.clientId, sub: family.memberId, authTime: family.authTime, amr: family.amr })
      : undefined
    return succeed({ ...token, ...(idToken && { idToken }) })
  }

  return async (known, request) => {
    const { client } = known
    const { params, jkt, resource, clientProvedKey } = request
    if (!client.app) return fail('unauthorized_client', 'this kind of client may not use refresh_token')
    if (!params.refresh_token) return fail('invalid_request', 'refresh_token is missing')
    const credential = parseCredential(params.refresh_token)
    if (credential?.kind !== 'refresh_token' || credential.mode !== mode) {
      return fail('invalid_grant', 'the refresh token is invalid, expired, revoked or was used before')
    }
    const unproven = requireProof(known, jkt)
    if (unproven) return unproven
    const isBound = jkt !== undefined || clientProvedKey
    const seconds = client.app.refreshRetryWindow
    const use = {
      clientRef: client.ref,
      scope: params.scope,
      resource,
      jkt,
      binds: client.app.type === 'public',
      retryWindow: seconds === undefined ? (isBound ? DEFAULT_RETRY_WINDOW : 0) : seconds * 1000,
    }
    const refreshed = await families.use(
      credential,
      use,
      (found) => admit(known, request, found),
      (theft) => auditTheft(change, known, theft, request),
    )
    if (!refreshed.ok) return refreshed
    const { value, refreshToken } = refreshed.value
    return succeed({ ...value, refreshToken, audited: auditedUse(refreshed.value) })
  }
}

/**
 * Recorded when the token is used up already, and not with it: should the store fail just then, the client isn't answered
 * and asks again, as after an answer that was lost on its way, which is what the retry window is for.
 */
function auditedUse({ family, familyId, retried }: Refreshed<Given>) {
  const target = { type: 'refresh_family', id: familyName(familyId) }
  const details = { member_id: family.memberId, family_id: target.id }
  return retried ? { action: 'refresh_token.retried', target, details } : { action: 'token.refreshed', details }
}
