/** How strictly a tenant's credentials are held: by the operator for both modes, by the tenant itself for one. */
export interface SecurityTier {
  /** Every token is bound to a key (RFC 9449). */
  readonly requireDpop: boolean
  /** Addresses and CIDR blocks; none: from anywhere. */
  readonly allowedNetworks: readonly string[]
  /** Seconds; null: no limit but the server's own. */
  readonly maxTokenValidity: number | null
}

/** Seconds: of what anybody may set. */
export const SHORTEST_TOKEN_VALIDITY = 60
export const LONGEST_TOKEN_VALIDITY = 86_400

/** What holds of several tiers together. */
export interface Security {
  readonly requireDpop: boolean
  /** Each list has entries, and must hold the address that a credential is used from. */
  readonly allowedNetworks: readonly (readonly string[])[]
  /** Seconds that a new token lives at most. */
  readonly maxTokenValidity: number | undefined
}

/** Nobody can loosen what another demands. */
export function strictest(tiers: readonly SecurityTier[]): Security {
  const limits = tiers.flatMap(({ maxTokenValidity }) => maxTokenValidity ?? [])
  return {
    requireDpop: tiers.some(({ requireDpop }) => requireDpop),
    allowedNetworks: tiers.flatMap(({ allowedNetworks }) => (allowedNetworks.length ? [allowedNetworks] : [])),
    maxTokenValidity: limits.length ? Math.min(...limits) : undefined,
  }
}
