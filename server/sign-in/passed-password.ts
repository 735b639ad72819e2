import type { Clock } from '../clock.ts'
import type { Digests } from '../credentials/digest.ts'
import type { StateStore } from '../storage/state-store.ts'

/** Whose password was right, while their passkey is awaited. Kept here and not in the form, where anyone could write it. */
export interface PassedPasswords {
  keep(binding: string, memberId: string): Promise<void>
  find(binding: string): Promise<string | undefined>
  /** The member for exactly one caller: what was passed is passed once. */
  take(binding: string): Promise<string | undefined>
}

const LIFETIME = 10 * 60_000

interface Needs {
  state: Pick<StateStore, 'putRecord' | 'findRecord' | 'takeRecord'>
  digests: Pick<Digests, 'candidates'>
  clock: Clock
}

export function createPassedPasswords({ state, digests, clock }: Needs): PassedPasswords {
  const key = (binding: string) => `password-passed:${digests.candidates(binding)[0]}`
  return {
    keep: (binding, memberId) => state.putRecord(key(binding), memberId, clock.now() + LIFETIME),
    find: (binding) => state.findRecord(key(binding)),
    take: (binding) => state.takeRecord(key(binding)),
  }
}
