import { literally } from '../storage/ilike.ts'
import type { Status } from './status.ts'

/** Less of a made id than this is in too many of them, and more likely a part of a name. */
const TELLING = 4

/** Of a made id that begins like what was pasted, without what stands before it in a credential. */
export function beginningLike(pasted: string, before: RegExp) {
  const begin = pasted.replace(before, '')
  return begin.length < TELLING ? [] : [{ publicId: { startsWith: literally(begin), mode: 'insensitive' as const } }]
}

/** What `statusOf` says, as a condition. */
export const withStatus = (status: Status, now: Date) =>
  ({
    active: { revokedAt: null, OR: [{ expiresAt: null }, { expiresAt: { gt: now } }] },
    expired: { revokedAt: null, expiresAt: { lte: now } },
    revoked: { revokedAt: { not: null } },
  })[status]
