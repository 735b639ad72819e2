import type { RequestContext } from '../http/context.ts'
import type { Mode } from '../mode/mode.ts'
import type { Member, Members } from '../people/member.ts'
import type { Passkeys } from '../people/passkey.ts'
import { answerPage } from './http/answer.ts'
import type { Csrf } from './http/csrf.ts'
import { secondFactorPage } from './pages/second-factor.ts'
import { signInPage } from './pages/sign-in.ts'
import type { PassedPasswords } from './passed-password.ts'
import type { SignInPlace } from './place.ts'
import type { WebAuthn } from './webauthn.ts'

/** What went wrong in the step before. */
export interface Trouble {
  readonly status: number
  readonly error?: string
  /** As it was typed. */
  readonly email?: string
  readonly retryAfter?: number
}

/** Shows the step that a sign-in is at. */
export type ShowStep = (ctx: RequestContext, place: SignInPlace, trouble?: Trouble) => Promise<void>

/** What a challenge is for: an answer for one browser, step or person is worth nothing to another. */
export const ceremonyOf = ({ binding }: SignInPlace, memberId = 'anyone'): string =>
  `${binding.purpose}|${binding.value}|${memberId}`

interface Needs {
  mode: Mode
  csrf: Csrf
  members: Members
  passkeys: Passkeys
  passed: PassedPasswords
  webauthn: WebAuthn
}

export function createShowStep({ mode, csrf, members, passkeys, passed, webauthn }: Needs): ShowStep {
  const common = ({ binding, request, steps }: SignInPlace) => ({
    ...{ mode, csrf: csrf.token(binding) },
    ...(request && { app: request.app, tenant: request.tenant.name, cancelAction: `${steps}/cancel` }),
  })

  async function secondFactor(place: SignInPlace, member: Member, trouble: Trouble | undefined): Promise<string> {
    const allowed = await passkeys.ofMember(member.id)
    return secondFactorPage({
      ...common(place),
      action: `${place.steps}/second-factor`,
      otherAccountAction: `${place.steps}/other-account`,
      email: member.email,
      passkeyOptions: await webauthn.authenticationOptions(allowed, ceremonyOf(place, member.id)),
      error: trouble?.error,
    })
  }

  const first = async (place: SignInPlace, trouble: Trouble | undefined): Promise<string> =>
    signInPage({
      ...common(place),
      action: `${place.steps}/password`,
      passkeyAction: `${place.steps}/passkey`,
      passkeyOptions: await webauthn.authenticationOptions(undefined, ceremonyOf(place)),
      email: trouble?.email ?? place.email,
      error: trouble?.error,
      retryAfter: trouble?.retryAfter,
    })

  return async (ctx, place, trouble) => {
    const memberId = await passed.find(place.binding.value)
    const member = memberId && (await members.find(memberId))
    const page = member ? await secondFactor(place, member, trouble) : await first(place, trouble)
    answerPage(ctx, page, {
      ...(trouble && { status: trouble.status, retryAfter: trouble.retryAfter }),
      redirectUri: place.request?.redirectUri,
    })
  }
}
