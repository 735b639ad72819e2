import type Provider from 'oidc-provider'
import { errors } from 'oidc-provider'
import type { RequestContext } from '../../http/context.ts'
import { answerToken } from '../../http/oauth-answer.ts'
import { StoreUnavailable } from '../../storage/state-store.ts'
import type { DpopProofs } from '../dpop-proof.ts'
import type { OAuthError } from '../oauth-error.ts'
import type { Handovers } from '../provider.ts'
import { validateDpop } from '../provider-internals.ts'
import type { ClientCredentialsGrant } from './client-credentials.ts'

interface Needs {
  clientCredentials: ClientCredentialsGrant
  dpopProofs: Pick<DpopProofs, 'isFirstUse'>
}

/** RFC 6749 §4.4 through oidc-provider, which adds the verification of a DPoP proof (RFC 9449 §5). */
export function registerClientCredentials(
  provider: Provider,
  handovers: Handovers,
  { clientCredentials, dpopProofs }: Needs,
): void {
  async function handle(ctx: RequestContext & { oidc: { params: Record<string, unknown> } }): Promise<void> {
    const handover = handovers.get(ctx.req)
    if (!handover?.known) throw new errors.InvalidClient('client authentication failed')
    const proof = await validateDpop(provider, ctx as never)
    // The library remembers a proof for 300 s from its first use, and forgets it while it is still good if it was
    // dated ahead; and it finds, then saves. So the memory is ours.
    if (proof && !(await dpopProofs.isFirstUse({ jkt: proof.thumbprint, jti: proof.jti, iat: proof.iat }))) {
      throw new errors.InvalidDpopProof('the DPoP proof was used before')
    }
    const { scope, resource } = ctx.oidc.params as { scope?: string; resource?: string | string[] }
    const result = await clientCredentials(handover.known, { scope, resource, jkt: proof?.thumbprint })
    if (!result.ok) throw providerError(result.error)
    answerToken(ctx, result.value)
  }

  provider.registerGrantType(
    'client_credentials',
    async (ctx) => {
      try {
        await handle(ctx as never)
      } catch (error) {
        const handover = handovers.get(ctx.req)
        if (error instanceof StoreUnavailable && handover) handover.failure = error
        throw error
      }
    },
    ['scope', 'resource'],
    ['resource'],
  )
}

/** Our error as the library's, so that its error handler answers as ours would. */
function providerError({ error, description, scope }: OAuthError): Error {
  return Object.assign(new errors.CustomOIDCProviderError(error, description), scope !== undefined && { scope })
}
