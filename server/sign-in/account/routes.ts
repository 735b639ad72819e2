import type { RequestContext } from '../../http/context.ts'
import type { Mode } from '../../mode/mode.ts'
import { answerPage, seeOther } from '../http/answer.ts'
import type { ErrorAnswers } from '../http/error-answers.ts'
import type { ReadPost } from '../http/post.ts'
import type { Route } from '../http/routes.ts'
import { signedOutPage } from '../pages/signed-out.ts'
import type { Step } from '../password-step.ts'
import type { ShowStep } from '../show-step.ts'
import type { createAccessActions } from './access.ts'
import type { Action } from './action.ts'
import type { createPasskeyActions } from './passkeys.ts'
import { ACCOUNT, ACTIONS, SIGN_IN } from './paths.ts'
import type { createTokenActions } from './personal-access-tokens.ts'
import type { AccountSignIn } from './sign-in-place.ts'
import type { FindSignedIn } from './signed-in.ts'
import type { ShowAccount } from './view.ts'

interface Needs {
  mode: Mode
  signIn: AccountSignIn
  findSignedIn: FindSignedIn
  readPost: ReadPost
  errors: ErrorAnswers
  show: ShowStep
  showAccount: ShowAccount
  steps: { readonly password: Step; readonly alone: Step; readonly secondFactor: Step; readonly otherAccount: Step }
  access: ReturnType<typeof createAccessActions>
  passkeys: ReturnType<typeof createPasskeyActions>
  tokens: ReturnType<typeof createTokenActions>
}

/** `/account`: a person's own page, with its own sign-in. */
export function accountRoutes(needs: Needs): Route[] {
  const { mode, signIn, findSignedIn, readPost, errors, show, showAccount, steps, access, passkeys, tokens } = needs

  async function showPage(ctx: RequestContext): Promise<void> {
    const account = await findSignedIn(ctx)
    if (account && ctx.query['sign-in'] === undefined) return showAccount(ctx, account)
    if (!account && ctx.query['signed-out'] !== undefined) {
      return answerPage(ctx, signedOutPage({ mode, accountHref: ACCOUNT }))
    }
    return show(ctx, signIn.begin(ctx, account?.member.email))
  }

  const signInRoute = (name: string, step: Step): Route => ({
    method: 'POST',
    pattern: `${SIGN_IN}/${name}`,
    handle(ctx) {
      const place = signIn.resume(ctx)
      return place ? step(ctx, place) : errors.forged(ctx)
    },
  })

  const actionRoute = (pattern: string, action: Action): Route => ({
    method: 'POST',
    pattern,
    async handle(ctx) {
      const account = await findSignedIn(ctx)
      if (!account) return seeOther(ctx, ACCOUNT)
      const form = await readPost(ctx, { purpose: 'account', value: account.session.cookie })
      if (!form) return
      const done = await action(ctx, account, form)
      return 'location' in done ? seeOther(ctx, done.location) : showAccount(ctx, account, done)
    },
  })

  return [
    { method: 'GET', pattern: ACCOUNT, handle: showPage },
    { method: 'GET', pattern: SIGN_IN, handle: (ctx) => show(ctx, signIn.begin(ctx, undefined)) },
    signInRoute('password', steps.password),
    signInRoute('passkey', steps.alone),
    signInRoute('second-factor', steps.secondFactor),
    signInRoute('other-account', steps.otherAccount),
    actionRoute(ACTIONS.signOut, access.signOut),
    actionRoute(ACTIONS.endSession, access.endSession),
    actionRoute(ACTIONS.endOtherSessions, access.endOtherSessions),
    actionRoute(ACTIONS.withdrawConsent, access.withdraw),
    actionRoute(ACTIONS.addPasskey, passkeys.add),
    actionRoute(ACTIONS.renamePasskey, passkeys.rename),
    actionRoute(ACTIONS.removePasskey, passkeys.remove),
    actionRoute(ACTIONS.requirePasskey, passkeys.require),
    actionRoute(ACTIONS.makeToken, tokens.make),
    actionRoute(ACTIONS.revokeToken, tokens.revoke),
  ]
}
