interface Mortal {
  readonly revokedAt: Date | null
  readonly expiresAt: Date | null
}

export const STATUSES = ['active', 'expired', 'revoked'] as const
export type Status = (typeof STATUSES)[number]

/** Of a key or a token, as a list shows it. */
export function statusOf({ revokedAt, expiresAt }: Mortal, now: number): Status {
  if (revokedAt) return 'revoked'
  return expiresAt && expiresAt.getTime() <= now ? 'expired' : 'active'
}
