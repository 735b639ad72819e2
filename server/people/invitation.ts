import type { Outcome } from '../audit/change.ts'
import type { Digests } from '../credentials/digest.ts'
import { newLinkToken, newRecordId } from '../credentials/format.ts'
import type { ScopedTransaction } from '../tenancy/scoped-database.ts'
import type { MemberRole } from '../tenancy/scopes.ts'
import { foldedAddress, withAddress } from './member.ts'
import type { MemberRow } from './member-changes.ts'

/** Where its link leads. */
export const INVITATION_PATH = '/sign-in/invitation'

const DAY = 86_400_000
export const INVITATION_LIFETIME = 7 * DAY
/** Whoever lost their password is waiting for it. */
export const PASSWORD_LINK_LIFETIME = DAY

export type InvitationRow = Awaited<ReturnType<ScopedTransaction['invitation']['findFirstOrThrow']>>

/** A link is what makes somebody who has it a member, or gives a member a new password: whichever its address is. */
export interface NewLink {
  readonly email: string
  readonly role: MemberRole
  readonly createdBy: string
  readonly expiresAt: Date
}

export interface MadeLink {
  readonly row: InvitationRow
  /** What is in the link: the only time that it exists here. */
  readonly token: string
}

/** In place of an earlier one to the same address. For a transaction of the whole tenant. */
export async function makeLink(
  transaction: ScopedTransaction,
  tenantId: string,
  digests: Pick<Digests, 'candidates'>,
  { role, createdBy, expiresAt, ...to }: NewLink,
  now: Date,
): Promise<MadeLink> {
  const email = foldedAddress(to.email)
  const token = newLinkToken()
  const [digest] = digests.candidates(token) as [string]
  await deleteLinksTo(transaction, email)
  const id = newRecordId('inv')
  const row = await transaction.invitation.create({
    data: { tenantId, id, email, role, digest, createdBy, createdAt: now, expiresAt },
  })
  return { row, token }
}

/** However the address is spelled: a link that outlived another would be worth what nobody gave it. */
export async function deleteLinksTo({ invitation }: ScopedTransaction, email: string): Promise<void> {
  await invitation.deleteMany({ where: { email: foldedAddress(email) } })
}

export const linkEvent = (action: string, { id, email, role }: InvitationRow) => ({
  action,
  target: { type: 'invitation', id },
  details: { email, role },
})

export async function deleteInvitation(
  transaction: ScopedTransaction,
  row: InvitationRow,
): Promise<Outcome<InvitationRow>> {
  await transaction.invitation.delete({ where: { id: row.id } })
  return { result: row, events: [linkEvent('invitation.deleted', row)] }
}

export interface Accepted {
  readonly member: MemberRow
  readonly isNew: boolean
}

/**
 * Uses the link up, for exactly one caller. Undefined: it was used, replaced or taken back meanwhile. For a transaction of
 * the whole tenant.
 */
export async function acceptInvitation(
  transaction: ScopedTransaction,
  { id, digest, tenantId, email, role }: InvitationRow,
  { id: memberId, passwordHash }: Pick<MemberRow, 'id' | 'passwordHash'>,
  now: Date,
): Promise<Outcome<Accepted | undefined>> {
  const { count } = await transaction.invitation.deleteMany({ where: { id, digest, expiresAt: { gt: now } } })
  if (!count) return { result: undefined, events: [] }
  const before = await withAddress(transaction, email)
  if (before) return setPassword(transaction, before, passwordHash)
  const member = await transaction.member.create({
    data: { tenantId, id: memberId, email: foldedAddress(email), passwordHash, role, createdAt: now },
  })
  const target = { type: 'member', id: member.id }
  const details = { email, role, invitation_id: id }
  return { result: { member, isNew: true }, events: [{ action: 'member.joined', target, details }] }
}

/** Whoever is signed in with the old one is signed out, in both modes. */
async function setPassword(
  transaction: ScopedTransaction,
  { id }: MemberRow,
  passwordHash: string,
): Promise<Outcome<Accepted>> {
  const member = await transaction.member.update({ where: { id }, data: { passwordHash } })
  const { count } = await transaction.signInSession.deleteMany({ where: { memberId: id } })
  const event = { action: 'member.password_set', target: { type: 'member', id }, details: { sessions_ended: count } }
  return { result: { member, isNew: false }, events: [event] }
}
