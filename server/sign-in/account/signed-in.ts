import type { Clock } from '../../clock.ts'
import type { RequestContext } from '../../http/context.ts'
import type { Mode } from '../../mode/mode.ts'
import type { BrowserSessions, CurrentSession } from '../../oauth/authorization/interactions.ts'
import type { Member, Members } from '../../people/member.ts'
import type { SignInSessions } from '../../people/sign-in-session.ts'
import type { TenantScope } from '../../tenancy/scoped-database.ts'

/** Whoever is at the account page. */
export interface AtAccount {
  readonly member: Member
  readonly session: CurrentSession
  readonly scope: TenantScope
  /** Signed in a moment ago: who finds a browser unattended must not be able to keep a key to the account. */
  readonly isRecent: boolean
}

/** Seconds. */
const RECENT = 15 * 60

interface Needs {
  mode: Mode
  sessions: BrowserSessions
  signInSessions: Pick<SignInSessions, 'seen'>
  members: Members
  clock: Clock
}

export const createFindSignedIn =
  ({ mode, sessions, signInSessions, members, clock }: Needs) =>
  async (ctx: RequestContext): Promise<AtAccount | undefined> => {
    const session = await sessions.current(ctx)
    const member = session && (await members.find(session.memberId))
    if (!member) return undefined
    await signInSessions.seen(session.cookie, { ip: ctx.ip, userAgent: ctx.get('user-agent') || undefined })
    const isRecent = clock.now() / 1000 - session.authTime < RECENT
    return { member, session, scope: { tenantId: member.tenantId, mode }, isRecent }
  }

export type FindSignedIn = ReturnType<typeof createFindSignedIn>
