import type { KnownClient } from '../../credentials/client-registry.ts'
import type { Handler, RequestContext } from '../../http/context.ts'
import { type ParsedForm, readForm, TOKEN_FORM_LIMIT } from '../../http/form.ts'
import { answerOAuthError, noStore } from '../../http/oauth-answer.ts'
import { peerOf } from '../../http/peer.ts'
import type { AuthenticateClient } from '../authenticate-client.ts'
import { type PresentedClient, presentedClient } from '../client-authentication.ts'
import { looksLikeUrl } from '../client-metadata/client-id-url.ts'
import type { AuthorizationRequest as DescribedRequest } from '../client-metadata/document-clients.ts'
import { fail, type Result, succeed } from '../oauth-error.ts'
import type { ReadProof } from './dpop-header.ts'
import { identify } from './token.ts'

/**
 * `POST /oauth/authorize` and `/oauth/logout`. OpenID Connect Core 1.0 §3.1.2.1 and RP-Initiated Logout 1.0 §2 want it
 * beside GET; it becomes one, since a form that comes from the app's site brings no SameSite cookie along, and the
 * redirect does.
 */
export const postedFromApp: Handler = async (ctx) => {
  const form = await readForm(ctx, TOKEN_FORM_LIMIT)
  if (!form.ok) return answerOAuthError(ctx, form.error)
  const { params, resource } = form.value
  const query = new URLSearchParams()
  for (const [name, value] of Object.entries(params)) if (name !== 'resource') query.set(name, value as string)
  for (const each of resource) query.append('resource', each)
  ctx.status = 303
  noStore(ctx)
  ctx.redirect(`${ctx.path}?${query}`)
}

interface Needs {
  authenticateClient: AuthenticateClient
  readProof: ReadProof
  /** A client that is described by a document: it may have no record yet. */
  describedClient(url: string, request: DescribedRequest): Promise<Result<KnownClient>>
  /** oidc-provider, which resolves and keeps the request. */
  handle: Handler
}

/** `POST /oauth/par`, RFC 9126: the client is authenticated and the proof verified as at the token endpoint (§2.1). */
export function createPushedAuthorizationEndpoint(needs: Needs): Handler {
  const { authenticateClient, describedClient, readProof, handle } = needs

  async function clientOf(
    ctx: RequestContext,
    form: ParsedForm,
    presented: PresentedClient,
  ): Promise<Result<KnownClient>> {
    if (presented.method === 'none' && looksLikeUrl(presented.clientId)) {
      const { resource } = form
      return describedClient(presented.clientId, { resource, ip: ctx.ip, requestId: ctx.state.requestId })
    }
    const authenticated = await authenticateClient(presented, peerOf(ctx))
    return authenticated.ok ? succeed(authenticated.value.known) : authenticated
  }

  async function read(ctx: RequestContext): Promise<Result<Record<string, unknown>>> {
    const form = await readForm(ctx, TOKEN_FORM_LIMIT)
    if (!form.ok) return form
    const presented = presentedClient(ctx.headers.authorization, form.value.params)
    if (!presented.ok) return presented
    const found = await clientOf(ctx, form.value, presented.value)
    if (!found.ok) return found
    const known = found.value
    identify(ctx, known)
    if (!known.client.app) return fail('unauthorized_client', 'this kind of client may not use authorization_code')
    const proof = await readProof(ctx)
    if (!proof.ok) return proof
    return bound({ ...pushed(form.value), client_id: known.client.clientId }, proof.value?.jkt)
  }

  return async (ctx) => {
    const request = await read(ctx)
    if (!request.ok) return answerOAuthError(ctx, request.error)
    delete ctx.req.headers.authorization
    delete ctx.req.headers.dpop
    ;(ctx.request as { body?: unknown }).body = request.value
    await handle(ctx)
    noStore(ctx)
  }
}

function pushed({ params, resource }: ParsedForm): Record<string, unknown> {
  const { client_secret: _, client_assertion: __, client_assertion_type: ___, ...rest } = params
  return { ...rest, ...(resource.length && { resource: [...resource] }) }
}

/** RFC 9449 §10.1: a proof binds the code as `dpop_jkt` does; of both, they must agree. */
function bound(request: Record<string, unknown>, jkt: string | undefined): Result<Record<string, unknown>> {
  if (jkt === undefined) return succeed(request)
  if (request.dpop_jkt !== undefined && request.dpop_jkt !== jkt) {
    return fail('invalid_dpop_proof', 'the proof is of another key than dpop_jkt')
  }
  return succeed({ ...request, dpop_jkt: jkt })
}
