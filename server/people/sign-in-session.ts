import type { Outcome } from '../audit/change.ts'
import type { Clock } from '../clock.ts'
import type { Digests } from '../credentials/digest.ts'
import { newRecordId } from '../credentials/format.ts'
import type { Mode } from '../mode/mode.ts'
import type { Database, Prisma } from '../storage/database.ts'
import type { ScopedTransaction } from '../tenancy/scoped-database.ts'

/** What a browser's session is kept as: oidc-provider's own members, without the cookie's value. */
export interface SessionPayload {
  readonly uid: string
  /** Of the member who is signed in. */
  readonly accountId?: string
  readonly [member: string]: unknown
}

/** From where it was last seen: people recognise their own devices by it. */
export interface SeenFrom {
  readonly ip: string
  readonly userAgent: string | undefined
}

/** A session as its own person sees it. */
export interface ListedSession {
  readonly id: string
  readonly ip: string | undefined
  readonly userAgent: string | undefined
  readonly createdAt: Date
  readonly lastSeenAt: Date
}

/** Sessions of browsers, found by a keyed hash of their cookie. They last, so they live in the database. */
export interface SignInSessions {
  save(cookie: string, payload: SessionPayload, expiresAt: number, from: SeenFrom | undefined): Promise<void>
  find(cookie: string): Promise<SessionPayload | undefined>
  findByUid(uid: string): Promise<SessionPayload | undefined>
  end(cookie: string): Promise<void>
  /** How the person's own list names the session of this cookie. */
  idOf(cookie: string): Promise<string | undefined>
  /** Notes that it was used, at most once a minute: its list is for people. */
  seen(cookie: string, from: SeenFrom): Promise<void>
  /** The latest first. */
  ofMember(memberId: string): Promise<ListedSession[]>
  /** Removes at most `limit` expired ones; how many went. */
  sweep(limit: number): Promise<number>
}

interface Needs {
  mode: Mode
  database: Pick<Database, 'signInSession' | 'member' | '$executeRaw'>
  digests: Pick<Digests, 'candidates'>
  clock: Clock
}

const LONGEST_USER_AGENT = 300
const MINUTE = 60_000
const MOST_LISTED = 100

export function createSignInSessions({ mode, database, digests, clock }: Needs): SignInSessions {
  const now = () => new Date(clock.now())
  const alive = (where: object) => ({ where: { ...where, mode, expiresAt: { gt: now() } } })
  const byCookie = (cookie: string) => ({ digest: { in: digests.candidates(cookie) } })

  const seenFrom = ({ ip, userAgent }: SeenFrom) => ({ ip, userAgent: userAgent?.slice(0, LONGEST_USER_AGENT) ?? null })

  /** A member who is gone has no session. */
  async function ownerOf(accountId: string | undefined) {
    const member = accountId && (await database.member.findUnique({ where: { id: accountId } }))
    return { memberId: member ? member.id : null, tenantId: member ? member.tenantId : null }
  }

  return {
    async save(cookie, payload, expiresAt, from) {
      const [digest] = digests.candidates(cookie) as [string]
      const changing = {
        ...(await ownerOf(payload.accountId)),
        ...(from && seenFrom(from)),
        uid: payload.uid,
        payload: payload as Prisma.InputJsonObject,
        lastSeenAt: now(),
        expiresAt: new Date(expiresAt),
      }
      await database.signInSession.upsert({
        where: { mode_digest: { mode, digest } },
        create: { ...changing, id: newRecordId('ses'), mode, digest, createdAt: now() },
        update: changing,
      })
    },
    async find(cookie) {
      const row = await database.signInSession.findFirst(alive(byCookie(cookie)))
      return row ? (row.payload as unknown as SessionPayload) : undefined
    },
    async findByUid(uid) {
      const row = await database.signInSession.findFirst(alive({ uid }))
      return row ? (row.payload as unknown as SessionPayload) : undefined
    },
    async end(cookie) {
      await database.signInSession.deleteMany({ where: { mode, ...byCookie(cookie) } })
    },
    async idOf(cookie) {
      const row = await database.signInSession.findFirst({ ...alive(byCookie(cookie)), select: { id: true } })
      return row?.id
    },
    async seen(cookie, from) {
      const row = await database.signInSession.findFirst(alive(byCookie(cookie)))
      const isFresh = row?.ip === from.ip && row.lastSeenAt.getTime() > clock.now() - MINUTE
      if (!row || isFresh) return
      await database.signInSession.updateMany({
        where: { id: row.id, mode },
        data: { ...seenFrom(from), lastSeenAt: now() },
      })
    },
    async ofMember(memberId) {
      const order = { orderBy: { lastSeenAt: 'desc' }, take: MOST_LISTED } as const
      const rows = await database.signInSession.findMany({ ...alive({ memberId }), ...order })
      return rows.map(({ id, ip, userAgent, createdAt, lastSeenAt }) => ({
        ...{ id, createdAt, lastSeenAt },
        ...{ ip: ip ?? undefined, userAgent: userAgent ?? undefined },
      }))
    },
    sweep: (limit) => database.$executeRaw`
      DELETE FROM sign_in_session WHERE id = ANY (ARRAY(
        SELECT id FROM sign_in_session WHERE mode = ${mode} AND expires_at <= ${now()} LIMIT ${limit}))`,
  }
}

/** Ends some of a person's sessions: how many there were. */
export async function endSessions(
  transaction: ScopedTransaction,
  memberId: string,
  which: { readonly id: string } | { readonly not: string },
): Promise<Outcome<number>> {
  const id = 'id' in which ? which.id : { not: which.not }
  const rows = await transaction.signInSession.findMany({ where: { memberId, id }, select: { id: true } })
  const ids = rows.map((row) => row.id)
  await transaction.signInSession.deleteMany({ where: { id: { in: ids } } })
  const events = ids.map((ended) => ({
    action: 'session.ended',
    target: { type: 'session', id: ended },
    details: { member_id: memberId },
  }))
  return { result: ids.length, events }
}
