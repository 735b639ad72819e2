import type { Movement, Outcome } from '../audit/change.ts'
import type { ScopedTransaction } from '../tenancy/scoped-database.ts'
import { type MemberRole, scopesOfMember } from '../tenancy/scopes.ts'
import { deleteLinksTo } from './invitation.ts'

export type MemberRow = Awaited<ReturnType<ScopedTransaction['member']['findFirstOrThrow']>>

/** Somebody must be left who can make owners. */
export const LAST_OWNER = 'last_owner'

/**
 * What stands on the person, their consents and tokens of both modes, has the new role at the next request on every
 * node; what it can't do any more dies. For a transaction of the whole tenant.
 */
export async function changeMemberRole(
  transaction: ScopedTransaction,
  member: MemberRow,
  role: MemberRole,
): Promise<Outcome<MemberRow | typeof LAST_OWNER>> {
  const { id, email } = member
  const before = member.role as MemberRole
  if (before === role) return { result: member, events: [], moved: await standingOn(transaction, id, false) }
  if (await isLastOwner(transaction, member)) return { result: LAST_OWNER, events: [] }
  const row = await transaction.member.update({ where: { id }, data: { role } })
  // A link to set a password was for who they were: whoever made it may have less power than they have now.
  await deleteLinksTo(transaction, email)
  const details = { email, role, before }
  const event = { action: 'member.role_changed', target: { type: 'member', id }, details }
  return { result: row, events: [event], moved: await standingOn(transaction, id, losesPower(before, role)) }
}

/**
 * With the row go their consents, tokens, passkeys and sessions, of both modes, and their places in teams; what they made
 * for the tenant stays. For a transaction of the whole tenant.
 */
export async function removeMember(
  transaction: ScopedTransaction,
  member: MemberRow,
): Promise<Outcome<MemberRow | typeof LAST_OWNER>> {
  const { id, email, role } = member
  if (await isLastOwner(transaction, member)) return { result: LAST_OWNER, events: [] }
  await deleteLinksTo(transaction, email)
  await transaction.member.delete({ where: { id } })
  const event = { action: 'member.removed', target: { type: 'member', id }, details: { email, role } }
  return { result: member, events: [event], moved: await standingOn(transaction, id, true) }
}

/** All that is worth what this member is worth. It outlives the member, and says that it is dead. */
export async function standingOn(transaction: ScopedTransaction, memberId: string, kill: boolean): Promise<Movement[]> {
  const standings = await transaction.standing.findMany({ where: { memberId }, select: { ref: true } })
  return standings.map(({ ref }) => ({ ref, kill }))
}

const isLastOwner = async (transaction: ScopedTransaction, { role }: MemberRow): Promise<boolean> =>
  role === 'owner' && (await transaction.member.count({ where: { role } })) === 1

function losesPower(before: MemberRole, after: MemberRole): boolean {
  const now = scopesOfMember(after)
  return scopesOfMember(before).some((scope) => !now.includes(scope))
}
