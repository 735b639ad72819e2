import type { Authenticated } from '../../credentials/authenticator.ts'
import type { KnownClient } from '../../credentials/client-registry.ts'
import type { Endpoint, EndpointContext } from '../../http/context.ts'
import { type ParsedForm, readForm, TOKEN_FORM_LIMIT } from '../../http/form.ts'
import { answerOAuthError, answerToken } from '../../http/oauth-answer.ts'
import { peerOf } from '../../http/peer.ts'
import type { Mode } from '../../mode/mode.ts'
import type { Metrics } from '../../telemetry/metrics.ts'
import { claimedIssuer } from '../../workload-identity/presented-subject.ts'
import type { AuthenticateClient } from '../authenticate-client.ts'
import { type PresentedClient, presentedClient } from '../client-authentication.ts'
import type { Grant, GrantRequest, TokenResponse } from '../grants/grant.ts'
import { fail, type Result } from '../oauth-error.ts'
import type { createPlainMint } from '../plain-mint.ts'
import type { RecognizedClients } from '../recognized-clients.ts'
import type { TokenAudit } from '../token-audit.ts'
import { JWT_BEARER, TOKEN_EXCHANGE } from '../token-type.ts'
import type { ReadProof } from './dpop-header.ts'

interface Needs {
  mode: Mode
  authenticateClient: AuthenticateClient
  recognized: RecognizedClients
  plainMint: ReturnType<typeof createPlainMint>
  readProof: ReadProof
  grants: Grants
  tokenAudit: TokenAudit
  metrics: Pick<Metrics, 'tokenMinted' | 'tokenRequestRefused'>
}

/** By grant_type. */
export interface Grants {
  readonly [grantType: string]: Grant
}

/** Grants that rest on a token: they verify it whoever sent it. */
const VOUCHED_BY_TOKEN: readonly (string | undefined)[] = [TOKEN_EXCHANGE, JWT_BEARER]

/**
 * `POST /oauth/token`. One pipeline: parse, authenticate the client, verify the proof, then what is special about the
 * grant. oidc-provider's own token endpoint isn't used: its some forty middlewares cost more than all the rest, and its
 * refresh tokens and codes are not single-use under concurrency.
 */
export function createTokenEndpoint({
  mode,
  authenticateClient,
  recognized,
  plainMint,
  readProof,
  grants,
  tokenAudit,
  metrics,
}: Needs): Endpoint {
  const requestOf = (ctx: EndpointContext, form: ParsedForm, { client, platformToken }: Presented): GrantRequest => ({
    ...form,
    ...{ clientProvedKey: client.method === 'assertion', platformToken },
    ...{ ip: ctx.ip, requestId: ctx.state.requestId, jkt: undefined },
  })

  const isPlain = ({ headers }: EndpointContext, { params }: ParsedForm) =>
    params.grant_type === 'client_credentials' && headers.dpop === undefined

  function plainly(ctx: EndpointContext, { params, resource }: ParsedForm, known: Authenticated) {
    const { requestId } = ctx.state
    return plainMint(known, { params, resource, jkt: undefined, peer: peerOf(ctx), requestId })
  }

  async function run(ctx: EndpointContext, form: ParsedForm): Promise<Result<TokenResponse>> {
    const { params } = form
    const { authorization } = ctx.headers
    const before = isPlain(ctx, form) ? recognized.find(authorization, params, ctx.ip) : undefined
    const minted = before && (await plainly(ctx, form, before))
    if (minted) {
      identify(ctx, before)
      return { ok: true, value: minted }
    }
    const client = presentedClient(authorization, params)
    if (!client.ok) return client
    const presented = vouched(client.value, params.grant_type)
    const request = requestOf(ctx, form, presented)
    const audited = { grantType: params.grant_type, ...request }
    const authenticated = await authenticateClient(presented.client, peerOf(ctx))
    if (!authenticated.ok) {
      const { error, known } = authenticated
      if (known) tokenAudit.refusedUnproven(known, error, audited)
      return authenticated
    }
    const { known, recognizable } = authenticated.value
    if (recognizable) recognized.keep(authorization, params, recognizable)
    identify(ctx, known)
    const result = await granted(ctx, known, request)
    await (result.ok
      ? tokenAudit.given(known, result.value, audited)
      : tokenAudit.refused(known, result.error, audited))
    return result
  }

  async function granted(ctx: EndpointContext, known: KnownClient, request: GrantRequest) {
    const grant = grantOf(grants, request.params.grant_type)
    if (!grant.ok) return grant
    const proof = await readProof(ctx)
    return proof.ok ? grant.value(known, { ...request, jkt: proof.value?.jkt }) : proof
  }

  return async (ctx) => {
    const form = await readForm(ctx, TOKEN_FORM_LIMIT)
    const result = form.ok ? await run(ctx, form.value) : form
    if (result.ok) {
      answerToken(ctx, result.value)
      metrics.tokenMinted(mode, form.ok ? (form.value.params.grant_type as string) : 'none')
    } else {
      answerOAuthError(ctx, result.error)
      metrics.tokenRequestRefused(mode, result.error.error)
    }
  }
}

interface Presented {
  readonly client: PresentedClient
  readonly platformToken: string | undefined
}

/**
 * Where a token vouches for a service user, its name is all that is presented of the client itself. As `client_assertion`
 * (RFC 7523 §2.2) it is one of a platform if it isn't the client's own, whose issuer is the client (§3).
 */
function vouched(client: PresentedClient, grantType: string | undefined): Presented {
  if (client.method === 'none' && VOUCHED_BY_TOKEN.includes(grantType)) {
    return { client: { ...client, vouchedByToken: true }, platformToken: undefined }
  }
  const { clientId } = client
  const mayBeOfPlatform = client.method === 'assertion' && grantType === 'client_credentials' && clientId !== undefined
  if (!mayBeOfPlatform || claimedIssuer(client.assertion) === clientId) return { client, platformToken: undefined }
  const named: PresentedClient = { method: 'none', clientId, given: {}, vouchedByToken: true }
  return { client: named, platformToken: client.assertion }
}

/** RFC 6749 §5.2. */
function grantOf(grants: Grants, grantType: string | undefined): Result<Grant> {
  if (grantType === undefined) return fail('invalid_request', 'grant_type is missing')
  const grant = Object.hasOwn(grants, grantType) ? grants[grantType] : undefined
  return grant ? { ok: true, value: grant } : fail('unsupported_grant_type', 'there is no such grant type')
}

export function identify(ctx: EndpointContext, { client, tenant }: KnownClient): void {
  ctx.state.client = client.clientId
  ctx.state.tenant = tenant.id
}
