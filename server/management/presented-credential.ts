import type { Peer } from '../credentials/peer.ts'
import type { RequestContext } from '../http/context.ts'
import { peerOf } from '../http/peer.ts'

/** What of a request tells who sent it. */
export interface PresentedCredential {
  readonly authorization: string | undefined
  readonly apiKey: string | undefined
  readonly dpop: string | undefined
  readonly method: string
  /** The issuer's and the path: never what the Host header says. */
  readonly url: string
  readonly peer: Peer
}

export function presentedBy(ctx: RequestContext, issuer: string): PresentedCredential {
  const apiKey = ctx.headers['x-api-key']
  return {
    authorization: ctx.headers.authorization,
    apiKey: Array.isArray(apiKey) ? apiKey.join() : apiKey,
    dpop: ctx.get('dpop') || undefined,
    method: ctx.method,
    url: issuer + ctx.path,
    peer: peerOf(ctx),
  }
}
