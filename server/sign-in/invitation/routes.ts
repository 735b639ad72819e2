import type { Change } from '../../audit/change.ts'
import type { Clock } from '../../clock.ts'
import type { Digests } from '../../credentials/digest.ts'
import { isLinkToken, newRecordId } from '../../credentials/format.ts'
import type { RequestContext } from '../../http/context.ts'
import type { Mode } from '../../mode/mode.ts'
import { acceptInvitation, INVITATION_PATH, type InvitationRow } from '../../people/invitation.ts'
import { withAddress } from '../../people/member.ts'
import type { Passwords } from '../../people/password.ts'
import type { Database } from '../../storage/database.ts'
import { scopeDatabase } from '../../tenancy/scoped-database.ts'
import { SIGN_IN } from '../account/paths.ts'
import { answerPage, seeOther } from '../http/answer.ts'
import type { MakeCookie } from '../http/cookies.ts'
import { type Binding, type Csrf, newBindingValue } from '../http/csrf.ts'
import type { ErrorAnswers } from '../http/error-answers.ts'
import type { ReadPost } from '../http/post.ts'
import type { Route } from '../http/routes.ts'
import { originOf } from '../origin.ts'
import { invitationPage } from '../pages/invitation.ts'
import { LONGEST_PASSWORD, SHORTEST_PASSWORD, wrongPassword } from './new-password.ts'

interface Needs {
  mode: Mode
  database: Database
  digests: Pick<Digests, 'candidates'>
  change: Change
  passwords: Pick<Passwords, 'hash'>
  makeCookie: MakeCookie
  csrf: Csrf
  readPost: ReadPost
  errors: ErrorAnswers
  clock: Clock
}

/** What is wrong with what was sent, and how to say so. */
interface Trouble {
  readonly status: number
  readonly error: string
  readonly retryAfter?: number
}

const HOUR = 3600 * 1000
const VALUE = /^[\w-]{32}$/

const BUSY: Trouble = { status: 503, error: 'Too many people are here right now. Try again.', retryAfter: 2 }

/** Where an invitation's link leads. People are managed in live mode, so in test mode there is no such page. */
export function invitationRoutes(needs: Needs): Route[] {
  const { mode, database, digests, change, passwords, csrf, readPost, errors, clock } = needs
  if (mode !== 'live') return []
  const cookie = needs.makeCookie('kc_invitation', HOUR)
  const now = () => new Date(clock.now())

  /** A link that is good now. */
  async function find(token: unknown): Promise<InvitationRow | undefined> {
    if (typeof token !== 'string' || !isLinkToken(token)) return undefined
    const where = { digest: { in: digests.candidates(token) }, expiresAt: { gt: now() } }
    return (await database.invitation.findFirst({ where })) ?? undefined
  }

  /** A form is this browser's. What it says of the link, whoever has the link could say. */
  const bindingOf = (value: string): Binding => ({ purpose: 'invitation', value })

  function boundTo(ctx: RequestContext): string | undefined {
    const value = cookie.read(ctx)
    return value !== undefined && VALUE.test(value) ? value : undefined
  }

  async function show(ctx: RequestContext, invitation: InvitationRow, token: string, trouble?: Trouble) {
    const { tenantId, email, role } = invitation
    const tenant = await database.tenant.findUniqueOrThrow({ where: { id: tenantId } })
    const isMember = await withAddress(scopeDatabase(database, { tenantId }), email)
    const value = boundTo(ctx) ?? newBindingValue()
    cookie.write(ctx, value)
    const page = invitationPage({
      ...{ mode, csrf: csrf.token(bindingOf(value)), action: INVITATION_PATH, token, tenant: tenant.name, email },
      ...{ shortest: SHORTEST_PASSWORD, longest: LONGEST_PASSWORD, error: trouble?.error },
      role: isMember ? undefined : role,
    })
    answerPage(ctx, page, trouble)
  }

  /** Uses it up; undefined: somebody else did. */
  async function accept(ctx: RequestContext, invitation: InvitationRow, passwordHash: string) {
    const { tenantId, email } = invitation
    const before = await withAddress(scopeDatabase(database, { tenantId }), email)
    // Whoever holds the link acts as the one it was made for.
    const id = before?.id ?? newRecordId('mem')
    return change({ tenantId }, originOf(ctx, { id, email }), (transaction) =>
      acceptInvitation(transaction, invitation, { id, passwordHash }, now()),
    )
  }

  return [
    {
      method: 'GET',
      pattern: INVITATION_PATH,
      async handle(ctx) {
        const { token } = ctx.query
        const invitation = await find(token)
        return invitation ? show(ctx, invitation, token as string) : errors.linkOver(ctx)
      },
    },
    {
      method: 'POST',
      pattern: INVITATION_PATH,
      async handle(ctx) {
        const value = boundTo(ctx)
        if (value === undefined) return errors.forged(ctx)
        const form = await readPost(ctx, bindingOf(value))
        if (!form) return
        const { token = '', password = '', repeated = '' } = form
        const invitation = await find(token)
        if (!invitation) return errors.linkOver(ctx)
        const error = wrongPassword(password, repeated)
        if (error !== undefined) return show(ctx, invitation, token, { status: 400, error })
        const passwordHash = await passwords.hash(password)
        if (passwordHash === undefined) return show(ctx, invitation, token, BUSY)
        if (!(await accept(ctx, invitation, passwordHash))) return errors.linkOver(ctx)
        cookie.clear(ctx)
        seeOther(ctx, SIGN_IN)
      },
    },
  ]
}
