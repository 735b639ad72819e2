import type { Change } from '../audit/change.ts'
import type { Origin } from '../audit/entry.ts'
import type { Clock } from '../clock.ts'
import type { KnownClient } from '../credentials/client-registry.ts'
import type { Digests } from '../credentials/digest.ts'
import type { Handler } from '../http/context.ts'
import type { Mode } from '../mode/mode.ts'
import type { Pages } from '../oauth/authorization/authorization-server.ts'
import type { BrowserSessions, Interactions } from '../oauth/authorization/interactions.ts'
import { createGuessLimit } from '../people/guess-limit.ts'
import type { Members } from '../people/member.ts'
import { createPasskeys } from '../people/passkey.ts'
import { createPasswords } from '../people/password.ts'
import type { SignInSessions } from '../people/sign-in-session.ts'
import type { Database } from '../storage/database.ts'
import type { StateStore } from '../storage/state-store.ts'
import { createAccessActions } from './account/access.ts'
import { createPasskeyActions } from './account/passkeys.ts'
import { ACCOUNT } from './account/paths.ts'
import { createTokenActions } from './account/personal-access-tokens.ts'
import { accountRoutes } from './account/routes.ts'
import { createAccountSignIn } from './account/sign-in-place.ts'
import { createFindSignedIn } from './account/signed-in.ts'
import { createShowAccount } from './account/view.ts'
import { createChallenges } from './challenges.ts'
import { createComplete } from './complete.ts'
import { answerPage } from './http/answer.ts'
import { createCookies } from './http/cookies.ts'
import { createCsrf } from './http/csrf.ts'
import { createErrorAnswers } from './http/error-answers.ts'
import { createReadPost } from './http/post.ts'
import { serveRoutes } from './http/routes.ts'
import { staticRoutes } from './http/static.ts'
import { createAllow } from './interaction/consent.ts'
import { interactionRoutes } from './interaction/routes.ts'
import { invitationRoutes } from './invitation/routes.ts'
import { createKnownDevices } from './known-device.ts'
import { confirmSignOutPage } from './pages/confirm-sign-out.ts'
import { signedOutPage } from './pages/signed-out.ts'
import { createPassedPasswords } from './passed-password.ts'
import { createPasskeySteps } from './passkey-steps.ts'
import { createPasswordStep } from './password-step.ts'
import { createShowStep } from './show-step.ts'
import { createWebAuthn } from './webauthn.ts'

/** What a browser sees of one mode: sign-in, consent, the account page. */
export interface SignIn {
  /** What oidc-provider has to show by itself. */
  readonly pages: Pages
  /** Everything below `/oauth/interaction/`, `/account` and `/sign-in/`. */
  readonly handle: Handler
}

export interface SignInNeeds {
  mode: Mode
  issuer: string
  interactions: Interactions
  sessions: BrowserSessions
  signInSessions: SignInSessions
  members: Members
  database: Database
  change: Change
  state: Pick<StateStore, 'putRecord' | 'findRecord' | 'takeRecord' | 'countFailure'>
  digests: Pick<Digests, 'candidates' | 'digest'>
  /** 32 bytes, of this mode, the same on all nodes: signs CSRF tokens and the cookies of known devices. */
  csrfKey: Buffer
  clock: Clock
  /** Stores a client that is known by its metadata document only, once somebody allows it something. */
  registerClient(known: KnownClient, origin: Origin): Promise<KnownClient>
}

/** Puts the pages, what stands behind them, and their addresses together. */
export function createSignIn(needs: SignInNeeds): SignIn {
  const { mode, issuer, database } = needs
  const errors = createErrorAnswers(mode)
  const csrf = createCsrf(needs.csrfKey, issuer)
  const readPost = createReadPost(csrf, errors)
  const makeCookie = createCookies(mode, issuer)
  const knownDevices = createKnownDevices(needs.csrfKey, makeCookie)
  const passkeys = createPasskeys(mode, database)
  const webauthn = createWebAuthn({ mode, issuer, challenges: createChallenges(needs) })
  const passed = createPassedPasswords(needs)

  const all = { ...needs, errors, csrf, readPost, knownDevices, passkeys, webauthn, passed }
  const show = createShowStep(all)
  const complete = createComplete(all)
  const guessLimit = createGuessLimit(needs)
  const passwords = createPasswords()
  const passwordStep = createPasswordStep({ ...all, passwords, guessLimit, show, complete })
  const steps = { password: passwordStep, ...createPasskeySteps({ ...all, show, complete }) }
  const routes = [
    ...staticRoutes(),
    ...interactionRoutes({ ...all, show, steps, allow: createAllow(needs) }),
    ...accountRoutes({
      ...{ ...all, show, steps },
      signIn: createAccountSignIn(needs.sessions, makeCookie),
      findSignedIn: createFindSignedIn(needs),
      showAccount: createShowAccount(all),
      access: createAccessActions(needs),
      passkeys: createPasskeyActions(all),
      tokens: createTokenActions(needs),
    }),
    ...invitationRoutes({ ...all, passwords, makeCookie }),
  ]
  return {
    handle: serveRoutes(routes, errors),
    pages: {
      error: (ctx, { error, error_description }) => errors.ofProvider(ctx, error, error_description),
      confirmSignOut: (ctx, { action, xsrf, app }) =>
        answerPage(ctx, confirmSignOutPage({ mode, action, xsrf, app: app === undefined ? undefined : { name: app } })),
      signedOut: (ctx) => answerPage(ctx, signedOutPage({ mode, accountHref: ACCOUNT })),
    },
  }
}
