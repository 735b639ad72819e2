import { randomBytes } from 'node:crypto'
import type { Clock } from '../clock.ts'
import type { Digests } from '../credentials/digest.ts'
import type { StateStore } from '../storage/state-store.ts'

/** WebAuthn Level 3 §13.4.3: random, made here, good once, on whichever node its answer arrives. */
export interface Challenges {
  /** @param purpose the ceremony and who may answer it: an answer to another one is none */
  make(purpose: string): Promise<string>
  /** True for exactly one caller. */
  spend(challenge: string, purpose: string): Promise<boolean>
}

/** Long enough to find a security key, or to decide on a name for it. */
const CHALLENGE_LIFETIME = 5 * 60_000

interface Needs {
  state: Pick<StateStore, 'putRecord' | 'takeRecord'>
  digests: Pick<Digests, 'candidates'>
  clock: Clock
}

export function createChallenges({ state, digests, clock }: Needs): Challenges {
  const key = (challenge: string) => `challenge:${digests.candidates(challenge)[0]}`
  const bound = (purpose: string) => digests.candidates(purpose)[0] as string

  return {
    async make(purpose) {
      const challenge = randomBytes(32).toString('base64url')
      await state.putRecord(key(challenge), bound(purpose), clock.now() + CHALLENGE_LIFETIME)
      return challenge
    },
    spend: async (challenge, purpose) => (await state.takeRecord(key(challenge))) === bound(purpose),
  }
}
