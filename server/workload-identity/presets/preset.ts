import type { Claims, Platform } from '../model.ts'

/** What we know of a platform: from which issuers its tokens come, what may be believed of them, and what must be said. */
export interface Preset {
  readonly platform: Platform
  readonly title: string
  readonly summary: string
  /** The first that fits says what is wanted: the special before the general. */
  readonly issuers: readonly IssuerForm[]
  /** Issuers there are this platform's, and no other may be said to be theirs. */
  readonly hosts?: RegExp
  /** Where the platform has one for everybody. */
  readonly defaultIssuer?: string
  readonly algorithms: readonly string[]
  /** Seconds from `iat` to `exp`, at most. */
  readonly maxLifetime: number
  /** Seconds since `iat`, at most. */
  readonly maxAge: number
  /** Whether a token is taken once only, unless the provider says otherwise. */
  readonly singleUse: boolean
  /**
   * Whether what is minted ends with the platform's token. Not where that one proves a moment and lives for minutes,
   * whatever runs for hours.
   */
  readonly capToSubjectExp: boolean
  readonly claims: readonly ClaimWords[]
  readonly denials: readonly Denial[]
  /** Where discovery isn't below the issuer. */
  readonly discoveryUrl?: (issuer: string) => string | undefined
}

/** What is asked of a token itself. */
export type Limits = Pick<Preset, 'algorithms' | 'maxLifetime' | 'maxAge' | 'singleUse'>

/** A kind of issuer that a platform has. */
export interface IssuerForm {
  /** As an admin writes it: `https://gitlab.com`. */
  readonly form: string
  readonly words: string
  readonly pattern: RegExp
  /** One issuer for all customers of the platform: a good signature says nothing about whose workload it is. */
  readonly shared: boolean
  /** What a binding must say, all of it. */
  readonly pins: readonly Pin[]
  /** What a binding had better say as well. */
  readonly advised: readonly Pin[]
  /** Where the platform's own don't fit. */
  readonly limits?: Partial<Limits>
}

/** Something that must be pinned, in any one of several ways. */
export interface Pin {
  readonly anyOf: readonly (readonly PinnedClaim[])[]
  readonly words: string
}

/** A claim that pins if its condition is exact; or, with a form, if all that the condition names has that form. */
export interface PinnedClaim {
  readonly claim: string
  readonly form?: RegExp
  /** Whether a prefix or glob of that form pins too. */
  readonly patterns?: boolean
}

/**
 * `id`: never changes hands, so it is compared whole. `steady`: said by the platform. `name`: can be renamed, and taken
 * by another. `chosen`: by whoever runs the workload, or an outsider.
 */
export type Trust = 'id' | 'steady' | 'name' | 'chosen'

export interface ClaimWords {
  readonly claim: string
  readonly trust: Trust
  readonly words: string
  /** Whether it is a list, of which one element must match. */
  readonly list?: boolean
}

/** What refuses a token, whatever else holds. */
export interface Denial {
  readonly claim: string
  readonly words: string
  /** For admins: what was wanted instead. */
  readonly expected: string
  readonly applies: (claims: Claims) => boolean
  /** Whether a binding may let it in by naming it: the values that it must name, or any condition on the claim. */
  readonly unlessNamed?: readonly string[] | 'at all'
}

const ownClaim = (claims: Claims, name: string): unknown => (Object.hasOwn(claims, name) ? claims[name] : undefined)

/** Errs towards refusing: `true` and `"true"` are the same here, and one element of a list is enough. */
export const deniedValue = (
  claim: string,
  value: string,
  words: string,
  { unlessNamed = false }: { unlessNamed?: boolean } = {},
): Denial => ({
  ...{ claim, words, expected: `not ${value}` },
  applies: (claims) => [ownClaim(claims, claim)].flat().some((got) => typeof got !== 'object' && `${got}` === value),
  ...(unlessNamed && { unlessNamed: [value] }),
})

export const deniedPresence = (claim: string, words: string): Denial => ({
  ...{ claim, words, expected: 'absent' },
  applies: (claims) => ownClaim(claims, claim) !== undefined,
})

/** One way to pin, by exact conditions on each of these. */
export const exactly = (...claims: string[]): readonly PinnedClaim[] => claims.map((claim) => ({ claim }))

/** One way to pin, by what a claim looks like. The form says where the part that pins ends. */
export const shaped = (claim: string, form: RegExp): readonly PinnedClaim[] => [{ claim, form, patterns: true }]
