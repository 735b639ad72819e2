import type { Change } from '../../audit/change.ts'
import type { Clock } from '../../clock.ts'
import type { RequestContext } from '../../http/context.ts'
import type { BrowserSessions } from '../../oauth/authorization/interactions.ts'
import { withdrawConsent } from '../../people/consent.ts'
import { endSessions, type SignInSessions } from '../../people/sign-in-session.ts'
import { originOf } from '../origin.ts'
import type { Action } from './action.ts'
import { doneAt, SIGNED_OUT } from './paths.ts'
import type { AtAccount } from './signed-in.ts'

interface Needs {
  sessions: BrowserSessions
  signInSessions: Pick<SignInSessions, 'idOf'>
  change: Change
  clock: Clock
}

/** Who is in: browsers, and apps in the person's name. Each ends at once, on every node. */
export function createAccessActions(
  needs: Needs,
): Record<'signOut' | 'endSession' | 'endOtherSessions' | 'withdraw', Action> {
  const { sessions, signInSessions, change, clock } = needs

  async function end(ctx: RequestContext, { member, scope }: AtAccount, which: { id: string } | { not: string }) {
    await change(scope, originOf(ctx, member), (transaction) => endSessions(transaction, member.id, which))
  }

  return {
    async signOut(ctx, account) {
      const id = await signInSessions.idOf(account.session.cookie)
      if (id !== undefined) await end(ctx, account, { id })
      await sessions.end(ctx)
      return { location: SIGNED_OUT }
    },
    async endSession(ctx, account, { id = '' }) {
      await end(ctx, account, { id })
      return { location: doneAt('session-ended') }
    },
    async endOtherSessions(ctx, account) {
      const not = await signInSessions.idOf(account.session.cookie)
      if (not !== undefined) await end(ctx, account, { not })
      return { location: doneAt('others-ended') }
    },
    async withdraw(ctx, { member, scope }, { id = '' }) {
      const consent = { id, memberId: member.id }
      await change(scope, originOf(ctx, member), (transaction) =>
        withdrawConsent(transaction, consent, new Date(clock.now())),
      )
      return { location: doneAt('withdrawn') }
    },
  }
}
