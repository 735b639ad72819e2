interface Mortal {
  readonly revokedAt: Date | null
  readonly expiresAt: Date | null
}

/** Of a key or a token, as a list shows it. */
export function statusOf({ revokedAt, expiresAt }: Mortal, now: number): 'active' | 'expired' | 'revoked' {
  if (revokedAt) return 'revoked'
  return expiresAt && expiresAt.getTime() <= now ? 'expired' : 'active'
}
