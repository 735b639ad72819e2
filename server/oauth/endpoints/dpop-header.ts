import type { EndpointContext } from '../../http/context.ts'
import type { DpopProof, DpopProofs } from '../dpop-proof.ts'
import { fail, type Result, succeed } from '../oauth-error.ts'

/** The proof that came with a request to one of our own endpoints, verified; undefined if none came. */
export type ReadProof = (ctx: EndpointContext) => Promise<Result<DpopProof | undefined>>

/** RFC 9449 §5. The URL is the issuer's and the path: never what the Host header says. */
export const createReadProof =
  ({ issuer, dpopProofs }: { issuer: string; dpopProofs: DpopProofs }): ReadProof =>
  async (ctx) => {
    const { dpop } = ctx.headers
    if (dpop === undefined) return succeed(undefined)
    const proof = Array.isArray(dpop) ? dpop.join() : dpop
    const verdict = await dpopProofs.verify({ proof, method: ctx.method, url: issuer + ctx.path })
    return verdict.ok ? succeed(verdict.proof) : fail(verdict.error, verdict.description)
  }
