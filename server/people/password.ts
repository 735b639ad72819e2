import { hash, verify } from '@node-rs/argon2'
import { randomBase62 } from '../credentials/base62.ts'
import { createGate } from '../credentials/gate.ts'
import type { MemberWithPassword } from './member.ts'

/** Memory-hard means 19 MiB each: so many run at once on a node, so many more wait (some 0.2 s), all others are told to come back. */
export const AT_ONCE = 4
export const WAITING = 32

/** The same address in several tenants, with no app to say which: so many are tried. */
const MOST_ACCOUNTS = 5

/** Whose password it is; `busy`: nobody looked. */
export type PasswordCheck =
  | { readonly outcome: 'right'; readonly member: MemberWithPassword }
  | { readonly outcome: 'wrong' }
  | { readonly outcome: 'busy' }

export interface Passwords {
  /** @param members whoever it could be; for nobody it takes as long as for one */
  check(members: readonly MemberWithPassword[], password: string): Promise<PasswordCheck>
  /** argon2id, in PHC form. Undefined: too many are being made or checked. */
  hash(password: string): Promise<string | undefined>
}

export function createPasswords(): Passwords {
  // Of nobody. Made as real ones are made, so that it costs what they cost.
  const decoy = hash(randomBase62(20))
  decoy.catch(() => {})
  const gate = createGate(AT_ONCE, WAITING)

  const isOf = async (passwordHash: string, password: string) => verify(passwordHash, password).catch(() => false)

  return {
    // 19 MiB, 2 passes, as where the first owner is made.
    hash: (password) => gate<string | undefined>(undefined, () => hash(password)),
    check: (members, password) =>
      gate<PasswordCheck>({ outcome: 'busy' }, async () => {
        if (!members.length) await isOf(await decoy, password)
        for (const member of members.slice(0, MOST_ACCOUNTS)) {
          if (await isOf(member.passwordHash, password)) return { outcome: 'right', member }
        }
        return { outcome: 'wrong' }
      }),
  }
}
