import { hash } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import type { Clock } from '../clock.ts'
import type { StateStore } from '../storage/state-store.ts'
import { createFailureCounts } from './failure-counts.ts'
import { siteOf } from './network.ts'

/**
 * A chosen secret can be guessed, so beyond these no guess is even looked at. But nobody can use that to lock the owner
 * out:
 * - a network from which the client has authenticated before answers for its own failures alone;
 * - all others answer for those of their own network, and together for those at the client;
 * - a secret that this node has found right before isn't a guess.
 */
export const CHOSEN_SECRET_GUESSES = {
  clientFromNetwork: 10,
  clientFromKnownNetwork: 50,
  network: 100,
  client: 100,
} as const

const QUARTER_HOUR = 15 * 60_000
const HOUR = 60 * 60_000
const KNOWN_FOR = 90 * 86_400_000

/** Somebody who tries a secret. */
export interface Guess {
  readonly clientId: string
  /** Of the client, if there is one. */
  readonly publicId: string | undefined
  readonly address: string
}

export interface ChosenSecretLimit {
  isKnownNetwork(guess: Guess): Promise<boolean>
  /** Seconds to wait; undefined: go on. */
  refusal(guess: Guess, isKnown: boolean): Promise<number | undefined>
  failed(guess: Guess, isKnown: boolean): Promise<void>
  /** From here the client has authenticated. */
  succeeded(guess: Guess): Promise<void>
}

interface Needs {
  state: Pick<StateStore, 'countFailure' | 'putRecord' | 'findRecord'>
  clock: Clock
}

interface Limit {
  readonly key: string
  readonly most: number
  readonly window: number
}

export function createChosenSecretLimit({ state, clock }: Needs): ChosenSecretLimit {
  const { seen, count } = createFailureCounts({ state })
  /** Until when what is limited stays so: a flood is answered from here, and costs the store nothing. */
  const limitedUntil = new LRUCache<string, number>({ max: 10_000 })

  async function endOf({ key, most }: Limit): Promise<number> {
    const known = limitedUntil.get(key) ?? 0
    if (known > clock.now()) return known
    const { count, resetsAt } = await seen(key)
    if (count < most) return 0
    limitedUntil.set(key, resetsAt)
    return resetsAt
  }

  return {
    isKnownNetwork: async (guess) => (await state.findRecord(placeOf(guess))) !== undefined,

    async refusal(guess, isKnown) {
      const until = Math.max(...(await Promise.all(limitsOf(guess, isKnown).map(endOf))))
      const wait = until - clock.now()
      return wait > 0 ? Math.ceil(wait / 1000) : undefined
    },

    async failed(guess, isKnown) {
      await Promise.all(limitsOf(guess, isKnown).map(({ key, window }) => count(key, window)))
    },

    succeeded: (guess) => state.putRecord(placeOf(guess), '1', clock.now() + KNOWN_FOR),
  }
}

const placeOf = (guess: Guess): string => `chosen:${nameOf(guess)}@${siteOf(guess.address)}:known`

function limitsOf(guess: Guess, isKnown: boolean): Limit[] {
  const { clientFromNetwork, clientFromKnownNetwork, network, client } = CHOSEN_SECRET_GUESSES
  const name = nameOf(guess)
  const site = siteOf(guess.address)
  const own = { key: `chosen:${name}@${site}`, window: QUARTER_HOUR }
  if (isKnown) return [{ ...own, key: `${own.key}:own`, most: clientFromKnownNetwork }]
  return [
    { ...own, most: clientFromNetwork },
    { key: `chosen:@${site}`, most: network, window: QUARTER_HOUR },
    { key: `chosen:${name}`, most: client, window: HOUR },
  ]
}

/** What nobody has is limited as what somebody has, or the limit would tell; in so few counters that no flood fills a store. */
const BUCKETS = 4_096

const nameOf = ({ clientId, publicId }: Guess): string =>
  publicId ?? `?${hash('sha256', clientId, 'buffer').readUInt16BE() % BUCKETS}`
