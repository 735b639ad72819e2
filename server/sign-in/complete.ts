import type { Change, Outcome } from '../audit/change.ts'
import type { Clock } from '../clock.ts'
import type { RequestContext } from '../http/context.ts'
import type { Mode } from '../mode/mode.ts'
import type { Member } from '../people/member.ts'
import { type Passkey, usePasskey } from '../people/passkey.ts'
import { seeOther } from './http/answer.ts'
import type { KnownDevices } from './known-device.ts'
import { originOf } from './origin.ts'
import type { SignInPlace } from './place.ts'

/** What somebody showed to sign in. */
export interface Shown {
  /** RFC 8176. */
  readonly amr: readonly string[]
  readonly passkey?: { readonly used: Passkey; readonly counted: number }
}

/** The end of every sign-in: it is audited, the device is known from now on, and the browser goes on. */
export type Complete = (ctx: RequestContext, place: SignInPlace, member: Member, shown: Shown) => Promise<boolean>

interface Needs {
  mode: Mode
  change: Change
  knownDevices: KnownDevices
  clock: Clock
}

/** @returns a function whose answer is false if the passkey turns out to be a copy: nothing happened then. */
export const createComplete =
  ({ mode, change, knownDevices, clock }: Needs): Complete =>
  async (ctx, place, member, { amr, passkey }) => {
    const target = { type: 'member', id: member.id }
    const app = place.request && { app: place.request.app.clientId }
    const accepted = await change<boolean>(
      { tenantId: member.tenantId, mode },
      originOf(ctx, member),
      async (transaction) => {
        const { used, counted } = passkey ?? {}
        const details = { amr, ...app, ...(used && { passkey: used.id }) }
        if (used && !(await usePasskey(transaction, used, counted ?? 0, new Date(clock.now())))) return copied(used)
        return { result: true, events: [{ action: 'member.signed_in', target, details }] }
      },
    )
    if (!accepted) return false
    knownDevices.remember(ctx, member.id)
    seeOther(ctx, await place.finish({ memberId: member.id, amr }))
    return true
  }

const copied = ({ id, memberId }: Passkey): Outcome<boolean> => {
  const details = { member_id: memberId, reason: 'signature_counter' }
  return { result: false, events: [{ action: 'passkey.refused', target: { type: 'passkey', id }, details }] }
}
