import type { RequestContext } from '../../http/context.ts'
import type { Mode } from '../../mode/mode.ts'
import type { Interactions, PendingInteraction } from '../../oauth/authorization/interactions.ts'
import type { Member, Members } from '../../people/member.ts'
import { answerPage, seeOther } from '../http/answer.ts'
import type { Binding, Csrf } from '../http/csrf.ts'
import type { ErrorAnswers } from '../http/error-answers.ts'
import type { ReadPost } from '../http/post.ts'
import type { Route } from '../http/routes.ts'
import type { PassedPasswords } from '../passed-password.ts'
import type { Step } from '../password-step.ts'
import type { SignInPlace } from '../place.ts'
import type { ShowStep } from '../show-step.ts'
import { type createAllow, isNothing, requestedOf, viewConsent } from './consent.ts'

interface Needs {
  mode: Mode
  issuer: string
  interactions: Interactions
  members: Members
  passed: PassedPasswords
  csrf: Csrf
  readPost: ReadPost
  errors: ErrorAnswers
  show: ShowStep
  steps: { readonly password: Step; readonly alone: Step; readonly secondFactor: Step; readonly otherAccount: Step }
  allow: ReturnType<typeof createAllow>
}

const ROOT = '/oauth/interaction/:uid'
const ANOTHER = 'another'

/** The steps of an authorization request between its arrival and its answer: sign-in, then consent. */
export function interactionRoutes(needs: Needs): Route[] {
  const { interactions, members, passed, readPost, errors, show, steps, allow } = needs

  type Work = (ctx: RequestContext, pending: PendingInteraction) => Promise<void>

  /** The cookie says which request this browser is at; the path must say the same. */
  const route = (method: Route['method'], step: string, work: Work): Route => ({
    method,
    pattern: ROOT + step,
    async handle(ctx, uid) {
      const pending = await interactions.find(ctx)
      return pending?.uid === uid ? work(ctx, pending) : errors.over(ctx)
    },
  })

  /** Who is signed in, if it is somebody who can answer this app. */
  async function personOf({ memberId, known }: PendingInteraction): Promise<Member | undefined> {
    const member = memberId === undefined ? undefined : await members.find(memberId)
    return member?.tenantId === known.tenant.id ? member : undefined
  }

  const asPlace = async (ctx: RequestContext, pending: PendingInteraction): Promise<SignInPlace> => {
    const home = homeOf(pending)
    const { client, tenant } = pending.known
    return {
      ...{ binding: bindingOf(pending), home, forAnother: `${home}?account=${ANOTHER}`, steps: home },
      request: { app: { name: client.name, clientId: client.clientId }, tenant, redirectUri: pending.redirectUri },
      email: ctx.query.account === ANOTHER ? undefined : (pending.loginHint ?? (await personOf(pending))?.email),
      finish: (who) => interactions.signedIn(ctx, who),
    }
  }

  const signInStep =
    (step: Step): Work =>
    async (ctx, pending) =>
      step(ctx, await asPlace(ctx, pending))

  const deny: Work = async (ctx) => seeOther(ctx, await interactions.denied(ctx))

  /** Whoever may be asked for consent now; undefined: somebody must sign in first. */
  const consenting = (pending: PendingInteraction) =>
    pending.prompt === 'consent' ? personOf(pending) : Promise.resolve(undefined)

  async function showPage(ctx: RequestContext, pending: PendingInteraction): Promise<void> {
    const member = await consenting(pending)
    const isSigningIn = ctx.query.account === ANOTHER || (await passed.find(pending.uid)) !== undefined
    if (!member || isSigningIn) return show(ctx, await asPlace(ctx, pending))
    const requested = requestedOf(pending, member, needs.issuer)
    // RFC 6749 §4.1.2.1: there is nothing that this person could allow.
    if (isNothing(requested)) return deny(ctx, pending)
    const csrf = needs.csrf.token(bindingOf(pending))
    const page = viewConsent({ mode: needs.mode, csrf, steps: homeOf(pending), pending, member, requested })
    answerPage(ctx, page, { redirectUri: pending.redirectUri })
  }

  async function decide(ctx: RequestContext, pending: PendingInteraction): Promise<void> {
    const form = await readPost(ctx, bindingOf(pending))
    if (!form) return
    if (form.decision === 'deny') return deny(ctx, pending)
    const member = await consenting(pending)
    if (form.decision !== 'allow' || !member) return seeOther(ctx, homeOf(pending))
    const requested = requestedOf(pending, member, needs.issuer)
    if (isNothing(requested)) return deny(ctx, pending)
    await allow(ctx, pending, member, requested)
    seeOther(ctx, await interactions.consented(ctx))
  }

  async function cancel(ctx: RequestContext, pending: PendingInteraction): Promise<void> {
    if (await readPost(ctx, bindingOf(pending))) await deny(ctx, pending)
  }

  return [
    route('GET', '', showPage),
    route('POST', '/password', signInStep(steps.password)),
    route('POST', '/passkey', signInStep(steps.alone)),
    route('POST', '/second-factor', signInStep(steps.secondFactor)),
    route('POST', '/other-account', signInStep(steps.otherAccount)),
    route('POST', '/consent', decide),
    route('POST', '/cancel', cancel),
  ]
}

const homeOf = ({ uid }: PendingInteraction): string => `/oauth/interaction/${uid}`
const bindingOf = ({ uid }: PendingInteraction): Binding => ({ purpose: 'interaction', value: uid })
