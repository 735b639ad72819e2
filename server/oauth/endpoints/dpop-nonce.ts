import type { EndpointContext } from '../../http/context.ts'
import type { DpopProofs } from '../dpop-proof.ts'

/** RFC 9449 §8.2, §9: whatever the answer to a request with a proof is, it brings the newest nonce if that is news. */
export const withDpopNonce =
  <C extends EndpointContext>(
    dpopProofs: Pick<DpopProofs, 'freshNonce'>,
    handler: (ctx: C) => Promise<void> | void,
  ): ((ctx: C) => Promise<void> | void) =>
  (ctx) => {
    const nonce = dpopProofs.freshNonce(ctx.get('dpop') || undefined)
    if (nonce !== undefined) ctx.set('DPoP-Nonce', nonce)
    return handler(ctx)
  }
