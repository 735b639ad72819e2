import type { Clock } from '../clock.ts'
import type { Digests } from '../credentials/digest.ts'
import { createFailureCounts } from '../credentials/failure-counts.ts'
import { siteOf } from '../credentials/network.ts'
import type { StateStore } from '../storage/state-store.ts'
import { foldedAddress } from './member.ts'

/**
 * Passwords can be guessed, so wrong ones are counted, and whoever failed too often isn't listened to for a while. But
 * nobody can use that against an account's owner:
 * - a browser that has signed in to the account before answers for its own failures alone;
 * - all others answer for those of their own network. Strangers elsewhere can only make it strict: once an account has
 *   failed too often from everywhere, a network has one try instead of several;
 * - passkeys can't be guessed and are never limited.
 */
export const GUESSES = { deviceAtAccount: 10, networkAtAccount: 10, network: 100, account: 100, whenStrict: 1 } as const

const QUARTER_HOUR = 15 * 60_000
const HOUR = 60 * 60_000

/** Somebody who tries a password. */
export interface Guesser {
  /** As it was typed. Addresses that nobody has are limited as others are, or the limit would tell which. */
  readonly email: string
  readonly address: string
  /** Of a browser that has signed in to this account before. */
  readonly device: string | undefined
}

export interface GuessLimit {
  /** Seconds to wait; undefined: go on. */
  refusal(guesser: Guesser): Promise<number | undefined>
  /** Counts a wrong one. True if it was the last before a refusal: worth an audit entry. */
  failed(guesser: Guesser): Promise<boolean>
}

interface Needs {
  state: Pick<StateStore, 'countFailure' | 'putRecord' | 'findRecord'>
  digests: Pick<Digests, 'candidates'>
  clock: Clock
}

export function createGuessLimit({ state, digests, clock }: Needs): GuessLimit {
  const { seen, count } = createFailureCounts({ state })
  const digest = (text: string) => digests.candidates(text)[0] as string

  function keysOf({ email, address, device }: Guesser) {
    const account = `guess:${digest(`account ${foldedAddress(email)}`)}`
    const network = siteOf(address)
    return device
      ? { own: `${account}@${digest(`device ${device}`)}` }
      : { own: `${account}@${network}`, network: `guess:@${network}`, account }
  }

  return {
    async refusal(guesser) {
      const keys = keysOf(guesser)
      const [own, network, account] = await Promise.all([keys.own, keys.network, keys.account].map(seen))
      if (!own || !network || !account) return undefined
      const strict = account.count >= GUESSES.account
      const usual = guesser.device ? GUESSES.deviceAtAccount : GUESSES.networkAtAccount
      const until = Math.max(
        own.count >= (strict ? GUESSES.whenStrict : usual) ? own.resetsAt : 0,
        network.count >= GUESSES.network ? network.resetsAt : 0,
      )
      return until > clock.now() ? Math.ceil((until - clock.now()) / 1000) : undefined
    },

    async failed(guesser) {
      const { own, network, account } = keysOf(guesser)
      const [ownCount, , accountCount] = await Promise.all([
        count(own, QUARTER_HOUR),
        count(network, QUARTER_HOUR),
        count(account, HOUR),
      ])
      const usual = guesser.device ? GUESSES.deviceAtAccount : GUESSES.networkAtAccount
      return ownCount === usual || accountCount === GUESSES.account
    },
  }
}
