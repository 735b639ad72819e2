import type { Clock } from '../clock.ts'
import type { Digests } from '../credentials/digest.ts'
import { newFamily, newRefreshToken, type RefreshTokenCredential } from '../credentials/format.ts'
import { openUnder, sealUnder } from '../credentials/sealed-under.ts'
import type { Mode } from '../mode/mode.ts'
import type { StateStore } from '../storage/state-store.ts'
import type { Result } from './oauth-error.ts'
import { fail, succeed } from './oauth-error.ts'

/** What one authorization gave: all its refresh tokens, one after the other, and every access token minted on the way. */
export interface Family {
  readonly tenantId: string
  readonly clientRef: string
  /** The client's epoch at the beginning: once the client's has moved on, the family is dead. */
  readonly clientEpoch: number
  readonly memberId: string
  readonly consentRef: string
  readonly consentEpoch: number
  /** RFC 6749 §6: no refresh gets more than this. OpenID Connect's scopes are among it. */
  readonly scope: readonly string[]
  readonly audience: string
  /** RFC 9449 §5: of a public client, the key that every refresh must prove. */
  readonly jkt?: string
  /** NumericDate: when the person signed in, for ID tokens. */
  readonly authTime: number
  readonly amr: readonly string[]
  /** Milliseconds since the epoch. */
  readonly endsAt: number
  /** Milliseconds that it may rest between two uses. */
  readonly idle: number
}

/** The part that moves with each use. A dead family keeps nothing but the reason. */
interface Rotation {
  /** Of the one refresh token that is good. */
  readonly current: string
  readonly idleEndsAt: number
  readonly spent?: Spent
}

/** The token used last: known, so that a repetition of that very request can be told from theft. */
interface Spent {
  readonly digest: string
  readonly at: number
  readonly request: string
  readonly sealedSuccessor: string
}

type Living = Family & Rotation
type Stored = Living | { readonly dead: Death }

/** Why a family ended before its time. */
export type Death = 'refresh_token_reused' | 'code_reused' | 'revoked'

/** A use of a refresh token, as far as it must be the same for a repetition to be honest. */
export interface RefreshUse {
  readonly clientRef: string
  readonly scope: string | undefined
  readonly resource: readonly string[]
  readonly jkt: string | undefined
  /** RFC 9449 §5: whether what is given now is bound to that key, as it must be for a public client. */
  readonly binds: boolean
  /** Milliseconds in which the token used last is answered with the same successor. */
  readonly retryWindow: number
}

export interface Refreshed<T> {
  readonly family: Family
  readonly familyId: string
  readonly refreshToken: string
  /** Within the retry window: the successor is the one that was given before. */
  readonly retried: boolean
  readonly value: T
}

/** Theft found, and the family ended by it: for the audit log, told by exactly one of the calls that found it. */
export interface Theft {
  readonly familyId: string
  readonly family: Family
  readonly death: Death
}

export interface FoundFamily {
  readonly familyId: string
  readonly family: Family
  /** Whether this very token would be accepted now. */
  readonly isGood: boolean
  /** Milliseconds since the epoch: when it will no longer be. */
  readonly endsAt: number
}

export interface RefreshFamilies {
  /** Before anything is handed out: whoever kills it from now on, kills it for good. */
  begin(family: Family): Promise<{ familyId: string; refreshToken: string }>
  /** Ends it with all its tokens. The family to exactly one of any number of callers, undefined to all others. */
  end(familyId: string, death: Death): Promise<Family | undefined>
  isAlive(familyId: string): Promise<boolean>
  /** The living family of a refresh token, be that its newest or not. Uses nothing up. */
  find(credential: RefreshTokenCredential): Promise<FoundFamily | undefined>
  /**
   * RFC 9700 §4.14.2: rotates, atomically. `admit` judges the request, and makes ready what it gets, before anything is
   * used up: its value is handed out by one caller, or thrown away.
   * @param onTheft told before the caller is
   */
  use<T>(
    credential: RefreshTokenCredential,
    use: RefreshUse,
    admit: (found: { family: Family; familyId: string }) => Promise<Result<T>>,
    onTheft: (theft: Theft) => Promise<void>,
  ): Promise<Result<Refreshed<T>>>
}

interface Needs {
  mode: Mode
  state: Pick<StateStore, 'putRecord' | 'findRecord' | 'swapRecord'>
  digests: Pick<Digests, 'candidates'>
  clock: Clock
}

/** Milliseconds that the record outlives the last refresh: the longest life of an access token of its. */
const ACCESS_TOKEN_TAIL = 24 * 3600_000

/** Each loser of a race reads anew, and then finds its token used: a second round is enough but for the unluckiest. */
const ATTEMPTS = 20

export function createRefreshFamilies({ mode, state, digests, clock }: Needs): RefreshFamilies {
  const key = (familyId: string) => `family:${familyId}`
  /** A record's name can't be made into a token's: whoever reads the store can't even end a family. */
  const idsOf = (family: string) => digests.candidates(family).map((digest) => digest.slice(0, 22))
  const digestOf = (token: string) => digests.candidates(token)[0] as string
  const keptUntil = ({ endsAt, idleEndsAt }: Living) => Math.min(endsAt, idleEndsAt) + ACCESS_TOKEN_TAIL

  /** Undefined: there is none, or it is dead. */
  async function read(familyId: string): Promise<{ record: string; family: Living } | undefined> {
    const record = await state.findRecord(key(familyId))
    if (record === undefined) return undefined
    const stored: Stored = JSON.parse(record)
    return 'dead' in stored ? undefined : { record, family: stored }
  }

  async function locate({ family }: RefreshTokenCredential) {
    for (const familyId of idsOf(family)) {
      const found = await read(familyId)
      if (found) return { familyId, ...found }
    }
    return undefined
  }

  async function end(familyId: string, death: Death): Promise<Family | undefined> {
    for (;;) {
      const found = await read(familyId)
      if (!found) return undefined
      const { record, family } = found
      const tombstone = JSON.stringify({ dead: death } satisfies Stored)
      // Until the last token that it could have given is over. By now, not by its own ends: with a clock that jumped
      // ahead those may be past, and what is past can't be written.
      const keptUntil = clock.now() + ACCESS_TOKEN_TAIL
      if (await state.swapRecord(key(familyId), record, tombstone, keptUntil, 'stands')) return family
    }
  }

  const isCurrent = ({ current }: Living, { text }: RefreshTokenCredential) =>
    digests.candidates(text).includes(current)

  const isOver = ({ endsAt, idleEndsAt }: Living) => Math.min(endsAt, idleEndsAt) <= clock.now()

  const rotate = (family: Living, presented: string, successor: string, use: RefreshUse): Living => ({
    ...family,
    ...(use.binds && use.jkt !== undefined && { jkt: use.jkt }),
    current: digestOf(successor),
    idleEndsAt: clock.now() + family.idle,
    spent: {
      digest: digestOf(presented),
      at: clock.now(),
      request: requestOf(use),
      sealedSuccessor: sealUnder(presented, successor),
    },
  })

  /** The successor of the token that was used last, if this is that use again. */
  function repeated({ spent }: Living, { text }: RefreshTokenCredential, use: RefreshUse): string | undefined {
    if (!spent || !digests.candidates(text).includes(spent.digest)) return undefined
    const inTime = use.retryWindow > 0 && clock.now() - spent.at <= use.retryWindow
    return inTime && spent.request === requestOf(use) ? openUnder(text, spent.sealedSuccessor) : undefined
  }

  return {
    end,

    async begin(family) {
      const name = newFamily()
      const [familyId] = idsOf(name) as [string]
      const refreshToken = newRefreshToken(mode, name)
      const living: Living = { ...family, current: digestOf(refreshToken), idleEndsAt: clock.now() + family.idle }
      await state.putRecord(key(familyId), JSON.stringify(living), keptUntil(living))
      return { familyId, refreshToken }
    },

    isAlive: async (familyId) => (await read(familyId)) !== undefined,

    async find(credential) {
      const found = await locate(credential)
      if (!found) return undefined
      const { familyId, family } = found
      const isGood = isCurrent(family, credential) && !isOver(family)
      return { familyId, family, isGood, endsAt: Math.min(family.endsAt, family.idleEndsAt) }
    },

    async use(credential, use, admit, onTheft) {
      for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
        const found = await locate(credential)
        if (!found) return unusable
        const { familyId, record, family } = found
        const successor = repeated(family, credential, use)
        if (family.clientRef !== use.clientRef || (!isCurrent(family, credential) && !successor)) {
          // Used before, or in a stranger's hands: nobody can say who is the thief, so both lose (RFC 9700 §4.14.2).
          const ended = await end(familyId, 'refresh_token_reused')
          if (ended) await onTheft({ familyId, family: ended, death: 'refresh_token_reused' })
          return unusable
        }
        if (isOver(family)) return unusable
        const refused = refuseBinding(family, use)
        if (refused) return refused
        const admitted = await admit({ family, familyId })
        if (!admitted.ok) return admitted
        const { value } = admitted
        if (successor) return succeed({ family, familyId, refreshToken: successor, retried: true, value })

        const next = newRefreshToken(mode, credential.family)
        const rotated = rotate(family, credential.text, next, use)
        if (await state.swapRecord(key(familyId), record, JSON.stringify(rotated), keptUntil(rotated))) {
          return succeed({ family, familyId, refreshToken: next, retried: false, value })
        }
      }
      return fail('temporarily_unavailable', 'too many uses of this refresh token at once', { retryAfter: 1 })
    },
  }
}

/** RFC 6749 §5.2: one answer for all that is wrong with the token itself. */
const unusable = fail('invalid_grant', 'the refresh token is invalid, expired, revoked or was used before')

/** RFC 9449 §5: a bound refresh token is refused without a proof of its key. Nothing is used up by it. */
const refuseBinding = (family: Family, use: RefreshUse) =>
  family.jkt !== undefined && family.jkt !== use.jkt
    ? fail('invalid_grant', 'the refresh token is bound to another key than the DPoP proof shows')
    : undefined

const requestOf = ({ scope, resource, jkt }: RefreshUse): string => JSON.stringify([scope ?? '', resource, jkt ?? ''])
