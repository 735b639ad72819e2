import type { Authenticator } from '../../credentials/authenticator.ts'
import type { KnownClient } from '../../credentials/client-registry.ts'
import type { Handler, RequestContext } from '../../http/context.ts'
import { type ParsedForm, readForm, TOKEN_FORM_LIMIT } from '../../http/form.ts'
import { answerOAuthError, answerToken } from '../../http/oauth-answer.ts'
import type { Mode } from '../../mode/mode.ts'
import type { Metrics } from '../../telemetry/metrics.ts'
import { type PresentedSecret, presentedSecret, refusalError, unauthenticated } from '../client-authentication.ts'
import type { ClientCredentialsGrant } from '../grants/client-credentials.ts'

/** Everything that isn't plain goes on to oidc-provider, with the client already authenticated. */
export type ProviderRoute = (ctx: RequestContext, form: ParsedForm, known: KnownClient | undefined) => Promise<void>

interface Needs {
  mode: Mode
  authenticator: Authenticator
  clientCredentials: ClientCredentialsGrant
  providerRoute: ProviderRoute
  metrics: Pick<Metrics, 'tokenMinted' | 'tokenRequestRefused'>
  /** Off: oidc-provider answers plain requests too, as its oracle does in test/oauth/parity.test.ts. */
  plainRoute?: boolean
}

/**
 * `POST /oauth/token`. One pipeline: parse, authenticate the client, then the grant. A plain client_credentials request
 * (by secret, without a DPoP proof) is answered here: going through oidc-provider's some forty middlewares costs more
 * than all the rest. The grant itself is the same function on both ways.
 */
export function createTokenEndpoint(needs: Needs): Handler {
  const { mode, authenticator, clientCredentials, providerRoute, metrics, plainRoute = true } = needs

  async function mintPlainly(ctx: RequestContext, { params, resource }: ParsedForm, presented: PresentedSecret) {
    const request = { scope: params.scope, resource: resource.length ? resource : undefined, jkt: undefined }
    const result = await authenticator.authenticate(presented.credential, ctx.ip, (known) =>
      clientCredentials(known, request),
    )
    if (!result.ok) return refuse(ctx, result.refusal, presented)
    identify(ctx, result.authenticated)
    if (!result.value.ok) return answerOAuthError(ctx, result.value.error)
    answerToken(ctx, result.value.value)
  }

  async function goToProvider(ctx: RequestContext, form: ParsedForm, presented: PresentedSecret | undefined) {
    if (!presented) return providerRoute(ctx, form, undefined)
    const result = await authenticator.authenticate(presented.credential, ctx.ip, async () => undefined)
    if (!result.ok) return refuse(ctx, result.refusal, presented)
    identify(ctx, result.authenticated)
    return providerRoute(ctx, form, result.authenticated)
  }

  const refuse = (ctx: RequestContext, refusal: Parameters<typeof refusalError>[0], presented: PresentedSecret) => {
    ctx.state.refusal = refusal.reason
    answerOAuthError(ctx, refusalError(refusal, mode, presented.challenge))
  }

  async function answer(ctx: RequestContext): Promise<void> {
    const form = await readForm(ctx, TOKEN_FORM_LIMIT)
    if (!form.ok) return answerOAuthError(ctx, form.error)
    const { params } = form.value
    const presented = presentedSecret(ctx.headers.authorization, params)
    if (!presented.ok) return answerOAuthError(ctx, presented.error)
    if (!presented.value && !params.client_id && !params.client_assertion) {
      return answerOAuthError(ctx, unauthenticated(true).error)
    }
    if (plainRoute && presented.value && isPlain(ctx, form.value)) {
      return mintPlainly(ctx, form.value, presented.value)
    }
    return goToProvider(ctx, form.value, presented.value)
  }

  return async (ctx) => {
    await answer(ctx)
    if (ctx.status === 200) metrics.tokenMinted(mode, 'client_credentials')
    else metrics.tokenRequestRefused(mode, (ctx.body as { error: string }).error)
  }
}

const isPlain = (ctx: RequestContext, { params }: ParsedForm): boolean =>
  params.grant_type === 'client_credentials' && ctx.headers.dpop === undefined

function identify(ctx: RequestContext, { client, tenant }: KnownClient): void {
  ctx.state.client = client.clientId
  ctx.state.tenant = tenant.id
}
