import type { Change } from '../../audit/change.ts'
import type { App } from '../../credentials/client.ts'
import type { KnownClient } from '../../credentials/client-registry.ts'
import type { Consents } from '../../people/consent.ts'
import type { AccessTokens } from '../access-token.ts'
import { type AuthorizationCode, type AuthorizationCodes, isVerifierOf } from '../authorization-code.ts'
import { delegatedScopes } from '../delegated-scope.ts'
import { requireProof } from '../dpop-required.ts'
import type { IssueIdToken } from '../id-token.ts'
import { fail, type Result, succeed } from '../oauth-error.ts'
import type { Family, RefreshFamilies } from '../refresh-family.ts'
import { resolveResource } from '../resource-indicator.ts'
import { narrowScope, parseScope } from '../scope.ts'
import { auditTheft, familyName } from '../theft.ts'
import type { Grant, GrantRequest } from './grant.ts'

interface Needs {
  issuer: string
  codes: AuthorizationCodes
  consents: Pick<Consents, 'read'>
  families: Pick<RefreshFamilies, 'begin' | 'end'>
  tokens: Pick<AccessTokens, 'mint'>
  issueIdToken: IssueIdToken
  change: Change
  clock: { now(): number }
}

/** RFC 6749 §4.1.3 with RFC 7636: an app fetches what a person agreed to. */
export function createAuthorizationCodeGrant(needs: Needs): Grant {
  const { issuer, codes, consents, families, tokens, issueIdToken, change, clock } = needs

  /** RFC 6749 §4.1.2: a code used twice takes back what its first use gave. */
  async function takeBack(known: KnownClient, familyId: string | undefined, request: GrantRequest): Promise<void> {
    const ended = familyId && (await families.end(familyId, 'code_reused'))
    if (ended) await auditTheft(change, known, { familyId, family: ended, death: 'code_reused' }, request)
  }

  const familyOf = ({ client }: KnownClient, app: App, code: AuthorizationCode, jkt: string | undefined): Family => ({
    tenantId: client.tenantId,
    clientRef: client.ref,
    clientEpoch: client.epoch,
    memberId: code.memberId,
    consentRef: code.consentRef,
    consentEpoch: code.consentEpoch,
    scope: code.scope,
    audience: code.resource,
    // RFC 9449 §5: of public clients; a confidential one is bound by its own authentication.
    ...(jkt && app.type === 'public' && { jkt }),
    authTime: code.authTime,
    amr: code.amr,
    endsAt: Math.min(clock.now() + app.refreshAbsolute * 1000, client.expiresAt ?? Number.POSITIVE_INFINITY),
    idle: app.refreshIdle * 1000,
  })

  return async (known, request) => {
    const { client, tenant } = known
    const { params, jkt, resource } = request
    if (!client.app) return fail('unauthorized_client', 'this kind of client may not use authorization_code')
    const { code: value, code_verifier: codeVerifier } = params
    if (!value) return fail('invalid_request', 'code is missing')
    const requested = parseScope(params.scope)
    if (!requested.ok) return requested
    const unproven = requireProof(known, jkt)
    if (unproven) return unproven
    const found = await codes.find(value)
    if (!found) return unusable
    if (found.state === 'spent') {
      await takeBack(known, found.familyId, request)
      return unusable
    }
    const { code } = found
    if (code.clientId !== client.clientId) {
      await codes.burn(value) // in the wrong hands: good for nobody any more
      // Its owner may have been quicker by a moment: who has it else may have seen what it gave.
      const burnt = await codes.find(value)
      if (burnt?.state === 'spent') await takeBack(known, burnt.familyId, request)
      return unusable
    }
    const mismatch = mismatchOf(code, params.redirect_uri, codeVerifier, jkt)
    if (mismatch) return mismatch
    const target = resolveResource(tenant, issuer, resource.length ? resource : code.resource)
    if (!target.ok) return target
    if (target.value.identifier !== code.resource) return fail('invalid_target', 'the code is for another resource')
    const consent = await consents.read(code.consentRef)
    if (consent?.epoch !== code.consentEpoch || consent.clientRecordId !== client.id) return unusable
    // As at a refresh: the app or the person may have lost some of it since. RFC 6749 §4.1.3 knows no scope here; who
    // sends one gets no more than it names, and never more than was agreed to.
    const left = delegatedScopes(target.value, client, consent)
    const granted = narrowScope(
      code.scope.filter((scope) => left.includes(scope)),
      requested.value,
    )
    if (!granted.ok) return granted

    // The family is there before the code is spent, so that whoever comes second finds what to end.
    const { familyId, refreshToken } = await families.begin(familyOf(known, client.app, code, jkt))
    // And all that is given is there before, so that nothing can fail after it.
    const delegation = { ...code, familyId }
    const token = await tokens.mint({ client, tenant, resource: target.value, scope: granted.value, jkt, delegation })
    const idToken = granted.value.includes('openid')
      ? await issueIdToken({ aud: client.clientId, sub: code.memberId, ...code })
      : undefined
    if (!(await found.redeem(familyId))) {
      await families.end(familyId, 'revoked')
      const winner = await codes.find(value)
      if (winner?.state === 'spent') await takeBack(known, winner.familyId, request)
      return unusable
    }
    const details = { member_id: code.memberId, family_id: familyName(familyId) }
    return succeed({ ...token, refreshToken, ...(idToken && { idToken }), audited: { details } })
  }
}

/** RFC 6749 §5.2: one answer for whatever is wrong with the code itself. */
const unusable = fail('invalid_grant', 'the code is invalid, expired, was used before, or was given to another client')

/** What the code is bound to. None of it uses the code up: an honest client may have sent it without a nonce first. */
function mismatchOf(
  code: AuthorizationCode,
  redirectUri: string | undefined,
  codeVerifier: string | undefined,
  jkt: string | undefined,
): Result<never> | undefined {
  // OAuth 2.1 clients omit it, since the verifier binds the code; whoever sends it must send the same (RFC 6749 §4.1.3).
  if (redirectUri !== undefined && redirectUri !== code.redirectUri) {
    return fail('invalid_grant', 'redirect_uri differs from the one of the authorization request')
  }
  if (!codeVerifier) return fail('invalid_request', 'code_verifier is missing')
  if (!isVerifierOf(code.codeChallenge, codeVerifier)) return fail('invalid_grant', 'code_verifier does not match')
  // RFC 9449 §10: a code that is bound to a key is for whoever proves that key.
  if (code.dpopJkt !== undefined && code.dpopJkt !== jkt) {
    return fail('invalid_grant', 'the code is bound to another key than the DPoP proof shows')
  }
  return undefined
}
