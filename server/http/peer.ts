import type { Peer } from '../credentials/peer.ts'
import type { EndpointContext } from './context.ts'

/** Characters that are kept of what a client calls itself. */
const LONGEST_AGENT = 256

export const peerOf = (ctx: EndpointContext): Peer => ({
  ip: ctx.ip,
  userAgent: ctx.headers['user-agent']?.slice(0, LONGEST_AGENT) || undefined,
})
