import type { KnownClient } from '../../credentials/client-registry.ts'
import { presentedJwt } from '../../workload-identity/presented-subject.ts'
import type { AccessTokens, MintRequest } from '../access-token.ts'
import { requireProof } from '../dpop-required.ts'
import { fail, type Result, succeed } from '../oauth-error.ts'
import { resolveResource, scopesAt } from '../resource-indicator.ts'
import { narrowScope, parseScope } from '../scope.ts'
import type { WorkloadDoor } from '../workload-door.ts'
import type { Grant, GrantRequest } from './grant.ts'

interface Needs {
  issuer: string
  workloadDoor: WorkloadDoor
  tokens: Pick<AccessTokens, 'mint'>
}

const KINDS = new Set(['standard', 'enterprise', 'service_user', 'api_client'])

/** What a client that asks for itself is to get. Looks nothing up. */
export function decideClientCredentials(
  issuer: string,
  known: KnownClient,
  { params, resource, jkt }: Pick<GrantRequest, 'params' | 'resource' | 'jkt'>,
): Result<MintRequest> {
  const { client, tenant } = known
  const requested = parseScope(params.scope)
  if (!requested.ok) return requested
  if (!KINDS.has(client.kind)) {
    return fail('unauthorized_client', 'this kind of client may not use client_credentials')
  }
  const unproven = requireProof(known, jkt)
  if (unproven) return unproven
  const target = resolveResource(tenant, issuer, resource)
  if (!target.ok) return target
  const granted = narrowScope(scopesAt(target.value, client), requested.value)
  if (!granted.ok) return granted
  return succeed({ client, tenant, resource: target.value, scope: granted.value, jkt })
}

/** RFC 6749 §4.4: a client gets a token for itself. No refresh token (§4.4.3): it can ask again at any time. */
export const createClientCredentialsGrant =
  ({ issuer, workloadDoor, tokens }: Needs): Grant =>
  async (known, request) => {
    const { platformToken } = request
    if (platformToken !== undefined) {
      // RFC 7523 §3.2: it is the client's authentication that failed.
      return workloadDoor(known, presentedJwt(platformToken), { ...request, audience: [] }, 'invalid_client')
    }
    const decided = decideClientCredentials(issuer, known, request)
    if (!decided.ok) return decided
    return succeed(await tokens.mint(decided.value))
  }
