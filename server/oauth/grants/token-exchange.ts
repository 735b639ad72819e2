import type { KnownClient } from '../../credentials/client-registry.ts'
import type { Form } from '../../http/form.ts'
import { presentedAwsRequest, presentedJwt } from '../../workload-identity/presented-subject.ts'
import type { AccessTokens } from '../access-token.ts'
import type { DerivedToken, DeriveToken } from '../derived-token.ts'
import { fail, type Result, succeed } from '../oauth-error.ts'
import { TOKEN_TYPE } from '../token-type.ts'
import type { WorkloadDoor } from '../workload-door.ts'
import type { Grant, GrantRequest, TokenResponse } from './grant.ts'

interface Needs {
  workloadDoor: WorkloadDoor
  deriveToken: DeriveToken
  tokens: Pick<AccessTokens, 'mint'>
}

/** RFC 8693 §2.1, with what a request must hold checked. */
interface Exchange {
  readonly type: SubjectType
  readonly subject: string
  readonly actor: string | undefined
}

const SUBJECT_TYPES = [TOKEN_TYPE.jwt, TOKEN_TYPE.idToken, TOKEN_TYPE.awsRequest, TOKEN_TYPE.accessToken] as const
type SubjectType = (typeof SUBJECT_TYPES)[number]

/** RFC 8693: a platform's token for one of ours, or one of ours for a narrower one. */
export function createTokenExchangeGrant({ workloadDoor, deriveToken, tokens }: Needs): Grant {
  async function derive(
    known: KnownClient,
    presented: Exchange,
    request: GrantRequest,
  ): Promise<Result<TokenResponse>> {
    const derived = await deriveToken(known, presented, request)
    if (!derived.ok) return derived
    const minted = await tokens.mint(derived.value.mint)
    return succeed({ ...minted, audited: { action: 'token.exchanged', details: derivedDetails(derived.value) } })
  }

  return async (known, request) => {
    const parsed = parseExchange(request.params)
    if (!parsed.ok) return parsed
    const { type, subject } = parsed.value
    const present = type === TOKEN_TYPE.awsRequest ? presentedAwsRequest : presentedJwt
    const given =
      type === TOKEN_TYPE.accessToken
        ? await derive(known, parsed.value, request)
        : await workloadDoor(known, present(subject), request, 'invalid_request')
    return given.ok ? succeed({ ...given.value, issuedTokenType: TOKEN_TYPE.accessToken }) : given
  }
}

/** Nothing is taken from elsewhere where it is missing: a request without a subject token is for nobody. */
function parseExchange(params: Form): Result<Exchange> {
  const { subject_token, subject_token_type, actor_token, actor_token_type, requested_token_type } = params
  const wrong = (description: string) => fail('invalid_request', description)
  if (!subject_token) return wrong('subject_token is missing')
  if (!subject_token_type) return wrong('subject_token_type is missing')
  const type = SUBJECT_TYPES.find((known) => known === subject_token_type)
  if (!type) return wrong('this subject_token_type is not supported')
  if (requested_token_type !== undefined && requested_token_type !== TOKEN_TYPE.accessToken) {
    return wrong(`the only requested_token_type is ${TOKEN_TYPE.accessToken}`)
  }
  if ((actor_token === undefined) !== (actor_token_type === undefined)) {
    return wrong('actor_token and actor_token_type go together')
  }
  if (actor_token === undefined) return succeed({ type, subject: subject_token, actor: undefined })
  if (actor_token_type !== TOKEN_TYPE.accessToken) return wrong('the actor token must be an access token')
  // The workload that a platform vouches for is the actor already.
  if (type !== TOKEN_TYPE.accessToken) return wrong('an actor token goes with an access token as the subject token')
  return succeed({ type, subject: subject_token, actor: actor_token })
}

const derivedDetails = ({ subject, actor, mint }: DerivedToken) => ({
  subject_jti: subject.jti,
  ...(actor && { actor_jti: actor.jti, actor: actor.clientId }),
  ...(subject.delegation && { member_id: subject.delegation.memberId }),
  ...(subject.workload && { binding_id: subject.workload.bindingId }),
  depth: mint.lineage?.depth ?? 0,
})
