import { randomBytes, timingSafeEqual } from 'node:crypto'
import { createHmacSha256 } from '../../credentials/hmac.ts'
import type { RequestContext } from '../../http/context.ts'

/** What a form must send back, and where it must come from. */
export interface Csrf {
  /** @param binding what only this browser holds: an interaction, a session, a cookie made for it */
  token(binding: Binding): string
  accepts(ctx: RequestContext, binding: Binding, token: string | undefined): boolean
}

export interface Binding {
  readonly purpose: 'interaction' | 'account' | 'sign-in' | 'invitation'
  readonly value: string
}

export const newBindingValue = (): string => randomBytes(24).toString('base64url')

/** A token is the keyed hash of what the browser holds: whoever plants a cookie of their own making can't make its token. */
export function createCsrf(key: Buffer, issuer: string): Csrf {
  const hmac = createHmacSha256(key)
  const token = ({ purpose, value }: Binding) => hmac(`csrf|${purpose}|${value}`, 'base64url')

  return {
    token,
    accepts(ctx, binding, sent) {
      if (isForeign(ctx, issuer) || sent === undefined) return false
      const [expected, given] = [Buffer.from(token(binding)), Buffer.from(sent)]
      return expected.length === given.length && timingSafeEqual(expected, given)
    },
  }
}

/**
 * What browsers say by themselves about who sends a form. `Origin: null` says nothing: it is what our own pages send,
 * whose policy is to send no referrer.
 */
function isForeign(ctx: RequestContext, issuer: string): boolean {
  const site = ctx.get('sec-fetch-site')
  const origin = ctx.get('origin')
  return (site !== '' && site !== 'same-origin' && site !== 'none') || !['', 'null', issuer].includes(origin)
}
