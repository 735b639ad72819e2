import type { Change } from '../audit/change.ts'
import type { Actor } from '../audit/entry.ts'
import type { RequestContext } from '../http/context.ts'
import type { Mode } from '../mode/mode.ts'
import type { Guesser, GuessLimit } from '../people/guess-limit.ts'
import type { Member, Members } from '../people/member.ts'
import type { Passkeys } from '../people/passkey.ts'
import type { Passwords } from '../people/password.ts'
import type { Complete } from './complete.ts'
import { seeOther } from './http/answer.ts'
import type { ReadPost } from './http/post.ts'
import type { KnownDevices } from './known-device.ts'
import { originOf } from './origin.ts'
import type { PassedPasswords } from './passed-password.ts'
import type { SignInPlace } from './place.ts'
import type { ShowStep } from './show-step.ts'

export type Step = (ctx: RequestContext, place: SignInPlace) => Promise<void>

interface Needs {
  mode: Mode
  members: Members
  passkeys: Passkeys
  passwords: Passwords
  guessLimit: GuessLimit
  knownDevices: KnownDevices
  passed: PassedPasswords
  change: Change
  readPost: ReadPost
  show: ShowStep
  complete: Complete
}

/** Seconds until the wave of sign-ins that filled the node is over. */
const BUSY = 2

/** Whoever tried, it is not known to have been the member. */
const SOMEBODY: Actor = { type: 'anonymous', id: 'anonymous', name: 'somebody who tried to sign in' }

/** Email and password. One answer for whatever is wrong with them, and one duration. */
export function createPasswordStep(needs: Needs): Step {
  const { mode, members, passkeys, passwords, guessLimit, knownDevices, passed, change, readPost, show, complete } =
    needs

  async function wrong(ctx: RequestContext, guesser: Guesser, those: readonly Member[]): Promise<void> {
    const limited = await guessLimit.failed(guesser)
    if (!limited) return
    for (const member of those) {
      const refused = { action: 'member.sign_in_refused', target: { type: 'member', id: member.id } }
      const events = [{ ...refused, details: { reason: 'too_many_attempts' } }]
      await change({ tenantId: member.tenantId, mode }, { ...originOf(ctx, member), actor: SOMEBODY }, async () => ({
        result: undefined,
        events,
      }))
    }
  }

  const isSecondFactorAsked = async ({ id, requirePasskey }: Member): Promise<boolean> =>
    requirePasskey && (await passkeys.ofMember(id)).length > 0

  return async (ctx, place) => {
    const form = await readPost(ctx, place.binding)
    if (!form) return
    const { email = '', password = '' } = form
    const those = isAddress(email) ? await members.withEmail(email, place.request?.tenant.id) : []
    const device = knownDevices.of(
      ctx,
      those.map(({ id }) => id),
    )
    const guesser = { email, address: ctx.ip, device }
    const retryAfter = await guessLimit.refusal(guesser)
    if (retryAfter !== undefined) return show(ctx, place, { status: 429, email, retryAfter })

    const check = await passwords.check(those, password)
    if (check.outcome === 'busy') {
      const error = 'Too many people are signing in right now.'
      return show(ctx, place, { status: 503, email, error, retryAfter: BUSY })
    }
    if (check.outcome === 'wrong') {
      ctx.state.refusal = 'wrong_password'
      await wrong(ctx, guesser, those)
      return show(ctx, place, { status: 400, email, error: 'Wrong email or password.' })
    }
    const { member } = check
    if (await isSecondFactorAsked(member)) {
      await passed.keep(place.binding.value, member.id)
      return seeOther(ctx, place.home)
    }
    await complete(ctx, place, member, { amr: ['pwd'] })
  }
}

/** RFC 5321 §4.5.3.1.3: 254 characters with the brackets off. Control characters are in none, and not in our columns. */
const isAddress = (text: string): boolean => text.length <= 254 && /^\P{Cc}+$/u.test(text)
