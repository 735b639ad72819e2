import type { Change } from '../../audit/change.ts'
import type { Clock } from '../../clock.ts'
import { addPasskey, MOST_PASSKEYS, type Passkeys, removePasskey, renamePasskey } from '../../people/passkey.ts'
import { isUniqueViolation } from '../../storage/database.ts'
import { originOf } from '../origin.ts'
import { parseCredential, type WebAuthn } from '../webauthn.ts'
import { type Action, nameOf, recently } from './action.ts'
import { doneAt } from './paths.ts'
import { registrationOf } from './view.ts'

interface Needs {
  passkeys: Passkeys
  webauthn: WebAuthn
  change: Change
  clock: Clock
}

const LONGEST_NAME = 64
const UNUSABLE = 'That passkey can’t be added, or it took too long. Try again.'

export function createPasskeyActions(needs: Needs): Record<'add' | 'rename' | 'remove' | 'require', Action> {
  const { passkeys, webauthn, change, clock } = needs
  const now = () => new Date(clock.now())

  return {
    add: recently(async (ctx, account, form) => {
      const { member, scope } = account
      const name = nameOf(form, LONGEST_NAME)
      const credential = parseCredential(form.credential)
      const passkey = credential && (await webauthn.register(credential, registrationOf(account)))
      if (!passkey || !name || (await passkeys.ofMember(member.id)).length >= MOST_PASSKEYS) return { error: UNUSABLE }
      try {
        await change(scope, originOf(ctx, member), (transaction) =>
          addPasskey(transaction, scope, { memberId: member.id, name, passkey }, now()),
        )
      } catch (error) {
        // WebAuthn Level 3 §7.1 step 26: it is somebody's already.
        if (isUniqueViolation(error)) return { error: UNUSABLE }
        throw error
      }
      return { location: doneAt('passkey-added') }
    }),

    async rename(ctx, { member, scope }, form) {
      const name = nameOf(form, LONGEST_NAME)
      if (!name) return { error: 'A passkey needs a name of at most 64 characters.' }
      const renaming = { id: form.id ?? '', memberId: member.id, name }
      await change(scope, originOf(ctx, member), (transaction) => renamePasskey(transaction, renaming))
      return { location: doneAt('passkey-renamed') }
    },

    remove: recently(async (ctx, { member, scope }, form) => {
      const removing = { id: form.id ?? '', memberId: member.id }
      await change(scope, originOf(ctx, member), (transaction) => removePasskey(transaction, removing))
      return { location: doneAt('passkey-removed') }
    }),

    require: recently(async (ctx, { member, scope }, form) => {
      const required = form.required === 'true'
      // It is of both modes. In one where they have no passkey a password alone signs in, and must not turn it off.
      if (scope.mode !== 'live') return { error: 'Live mode changes this, for both.' }
      if (required && !(await passkeys.ofMember(member.id)).length) return { error: 'Add a passkey first.' }
      const whole = { tenantId: scope.tenantId }
      await change(whole, originOf(ctx, member), async (transaction) => {
        await transaction.member.update({ where: { id: member.id }, data: { requirePasskey: required } })
        const action = required ? 'member.passkey_required' : 'member.passkey_not_required'
        return { result: undefined, events: [{ action, target: { type: 'member', id: member.id } }] }
      })
      return { location: doneAt(required ? 'passkey-required' : 'passkey-optional') }
    }),
  }
}
