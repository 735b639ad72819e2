import type { KnownClient } from '../credentials/client-registry.ts'
import type { WorkloadExchange, WorkloadGrant } from '../workload-identity/exchange.ts'
import type { PresentedSubject } from '../workload-identity/presented-subject.ts'
import type { AccessTokens } from './access-token.ts'
import { requireProof } from './dpop-required.ts'
import type { GrantRequest, TokenResponse } from './grants/grant.ts'
import { fail, type OAuthErrorCode, type Result, succeed } from './oauth-error.ts'
import { recorded, recordedClaims, recordedReports } from './recorded.ts'
import { parseScope } from './scope.ts'
import { workloadRefused } from './workload-refused.ts'

/**
 * What the doors for a platform's token have in common: RFC 8693, RFC 7523 §2.1 and §2.2.
 * @param code of a token that isn't acceptable, which each of those defines for itself
 */
export type WorkloadDoor = (
  known: KnownClient,
  token: PresentedSubject,
  request: GrantRequest,
  code: OAuthErrorCode,
) => Promise<Result<TokenResponse>>

interface Needs {
  exchange: WorkloadExchange
  tokens: Pick<AccessTokens, 'mint'>
}

export const createWorkloadDoor =
  ({ exchange, tokens }: Needs): WorkloadDoor =>
  async (known, token, request, code) => {
    const { client, tenant } = known
    const scope = parseScope(request.params.scope)
    if (!scope.ok) return scope
    if (client.kind !== 'service_user') {
      return fail('unauthorized_client', 'only service users have workload identities')
    }
    const unproven = requireProof(known, request.jkt)
    if (unproven) return unproven

    const resource = [...request.resource, ...request.audience]
    const verdict = await exchange(token, known, { scope: scope.value, resource })
    if (!verdict.ok) {
      const { failed, bindings } = verdict.refusal
      const audited = { failed, issuer: recorded(token.issuer ?? null), bindings: recordedReports(bindings) }
      const { error } = workloadRefused(verdict.refusal, code)
      return { ok: false, error: { ...error, audited } }
    }
    const { grant } = verdict
    const workload = originOf(grant)
    const minted = await tokens.mint({
      ...{ client, tenant, resource: grant.resource, scope: grant.scopes, jkt: request.jkt, lifetime: grant.lifetime },
      ...{ workload, act: { iss: workload.iss, sub: workload.sub } },
    })
    return succeed({ ...minted, audited: { action: 'token.exchanged', details: exchangedDetails(token, grant) } })
  }

const originOf = ({ binding, subject, claims }: WorkloadGrant) => ({
  ...{ iss: subject.issuer, sub: subject.subject, claims: recordedClaims(claims) },
  ...{ providerId: binding.provider.id, bindingId: binding.id },
  ...{ bindingRef: binding.ref, bindingEpoch: binding.epoch },
})

const exchangedDetails = ({ kind }: PresentedSubject, { binding, subject, claims }: WorkloadGrant) => ({
  provider_id: binding.provider.id,
  binding_id: binding.id,
  issuer: recorded(subject.issuer),
  subject: recorded(subject.subject),
  // A signed request has its signature for a name, and a signature is no business of the log's.
  ...(kind === 'jwt' && { subject_jti: recorded(subject.jti ?? null) }),
  claims: recordedClaims(claims),
})
