import type { RequestContext } from '../http/context.ts'
import type { Member, Members } from '../people/member.ts'
import type { Passkeys } from '../people/passkey.ts'
import type { Complete, Shown } from './complete.ts'
import { seeOther } from './http/answer.ts'
import type { ReadPost } from './http/post.ts'
import type { PassedPasswords } from './passed-password.ts'
import type { Step } from './password-step.ts'
import type { SignInPlace } from './place.ts'
import { ceremonyOf, type ShowStep } from './show-step.ts'
import { type Asked, parseCredential, type WebAuthn } from './webauthn.ts'

interface Needs {
  members: Members
  passkeys: Passkeys
  webauthn: WebAuthn
  passed: PassedPasswords
  readPost: ReadPost
  show: ShowStep
  complete: Complete
}

const UNUSABLE = 'That passkey can’t be used here, or it took too long. Try again.'

/** RFC 8176 §2: proof of a key in hardware, with the person's presence (`user`); `mfa` for two factors in either case. */
const ALONE = ['hwk', 'user', 'mfa']
const AFTER_PASSWORD = ['pwd', 'hwk', 'mfa']

/** A passkey as the only factor, and as the second one. */
export function createPasskeySteps(needs: Needs): Record<'alone' | 'secondFactor' | 'otherAccount', Step> {
  const { members, passkeys, webauthn, passed, readPost, show, complete } = needs

  interface Answer {
    readonly member: Member
    readonly passkey: NonNullable<Shown['passkey']>
  }

  /** Who answered, if it was one who may: `memberId`, or anyone of this place's tenant. */
  async function answered(
    sent: string | undefined,
    place: SignInPlace,
    memberId: string | undefined,
  ): Promise<Answer | undefined> {
    const credential = parseCredential(sent)
    const used = credential && (await passkeys.withCredentialId(credential.id))
    if (!used || (memberId !== undefined && used.memberId !== memberId)) return undefined
    const asked: Asked = { purpose: ceremonyOf(place, memberId), verifyUser: memberId === undefined }
    const counted = await webauthn.authenticate(credential, used, asked)
    const member = counted === undefined ? undefined : await members.find(used.memberId)
    const elsewhere = place.request !== undefined && member?.tenantId !== place.request.tenant.id
    return member && counted !== undefined && !elsewhere ? { member, passkey: { used, counted } } : undefined
  }

  function refused(ctx: RequestContext, place: SignInPlace): Promise<void> {
    ctx.state.refusal = 'passkey_refused'
    return show(ctx, place, { status: 400, error: UNUSABLE })
  }

  return {
    async alone(ctx, place) {
      const form = await readPost(ctx, place.binding)
      if (!form) return
      const answer = await answered(form.credential, place, undefined)
      if (!answer) return refused(ctx, place)
      const completed = await complete(ctx, place, answer.member, { amr: ALONE, passkey: answer.passkey })
      if (!completed) return refused(ctx, place)
      await passed.take(place.binding.value)
    },

    async secondFactor(ctx, place) {
      const form = await readPost(ctx, place.binding)
      if (!form) return
      const memberId = await passed.find(place.binding.value)
      if (memberId === undefined) return seeOther(ctx, place.home)
      const answer = await answered(form.credential, place, memberId)
      if (!answer) return refused(ctx, place)
      if ((await passed.take(place.binding.value)) !== memberId) return seeOther(ctx, place.home)
      const completed = await complete(ctx, place, answer.member, { amr: AFTER_PASSWORD, passkey: answer.passkey })
      if (!completed) return refused(ctx, place)
    },

    async otherAccount(ctx, place) {
      if (!(await readPost(ctx, place.binding))) return
      await passed.take(place.binding.value)
      seeOther(ctx, place.forAnother)
    },
  }
}
