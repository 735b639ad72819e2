import { randomBytes, timingSafeEqual } from 'node:crypto'
import { createHmacSha256 } from '../credentials/hmac.ts'
import type { RequestContext } from '../http/context.ts'
import type { MakeCookie } from './http/cookies.ts'

/**
 * Remembers, in the browser, whose sign-in succeeded in it. It opens nothing: it only keeps strangers' wrong guesses
 * from counting against the owner. See guess-limit.ts.
 */
export interface KnownDevices {
  /** The device's name, if each of these has signed in here before: of namesakes, one vouches for no other. */
  of(ctx: RequestContext, memberIds: readonly string[]): string | undefined
  remember(ctx: RequestContext, memberId: string): void
}

const YEAR = 365 * 24 * 3600 * 1000
/** People who share a browser. */
const MOST = 5
const VALUE = /^[\w-]{22}(?:\.[\w-]{43}){1,5}$/

export function createKnownDevices(key: Buffer, makeCookie: MakeCookie): KnownDevices {
  const cookie = makeCookie('kc_device', YEAR)
  const hmac = createHmacSha256(key)
  const markOf = (device: string, memberId: string) => hmac(`device|${memberId}|${device}`, 'base64url')

  function read(ctx: RequestContext): { device: string; marks: string[] } {
    const value = cookie.read(ctx) ?? ''
    const [device = '', ...marks] = VALUE.test(value) ? value.split('.') : []
    return { device, marks }
  }

  return {
    of(ctx, memberIds) {
      const { device, marks } = read(ctx)
      const isKnown = (id: string) => marks.some((mark) => isSame(mark, markOf(device, id)))
      return memberIds.length > 0 && memberIds.every(isKnown) ? device : undefined
    },
    remember(ctx, memberId) {
      const before = read(ctx)
      const device = before.device || randomBytes(16).toString('base64url')
      const mark = markOf(device, memberId)
      const marks = [mark, ...before.marks.filter((other) => other !== mark)].slice(0, MOST)
      cookie.write(ctx, [device, ...marks].join('.'))
    },
  }
}

const isSame = (one: string, other: string): boolean =>
  one.length === other.length && timingSafeEqual(Buffer.from(one), Buffer.from(other))
