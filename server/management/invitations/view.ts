import { z } from 'zod'
import { INVITATION_PATH, type InvitationRow } from '../../people/invitation.ts'
import type { ScopedDatabase } from '../../tenancy/scoped-database.ts'
import { MEMBER_ROLES } from '../../tenancy/scopes.ts'

export const invitation = z
  .strictObject({
    id: z.string(),
    email: z.string(),
    role: z.enum(MEMBER_ROLES),
    purpose: z
      .enum(['join', 'password'])
      .meta({ description: 'to become a member, or to set a new password as the member that they are' }),
    status: z.enum(['open', 'expired']),
    created_at: z.iso.datetime(),
    created_by: z.string(),
    expires_at: z.iso.datetime(),
  })
  .meta({ id: 'Invitation' })

/** @param members addresses of those among them who are members already */
export const viewOfInvitation = (now: number, members: ReadonlySet<string>) => (row: InvitationRow) => ({
  id: row.id,
  email: row.email,
  role: row.role,
  purpose: members.has(row.email) ? 'password' : 'join',
  status: row.expiresAt.getTime() <= now ? 'expired' : 'open',
  created_at: row.createdAt,
  created_by: row.createdBy,
  expires_at: row.expiresAt,
})

/** Links to set a password are made of members' addresses as they are. */
export async function membersAmong(
  { member }: Pick<ScopedDatabase, 'member'>,
  rows: readonly InvitationRow[],
): Promise<ReadonlySet<string>> {
  const email = { in: rows.map((row) => row.email) }
  const members = await member.findMany({ where: { email }, select: { email: true } })
  return new Set(members.map((row) => row.email))
}

/** The live host's: people are managed there. */
export const linkOf = (issuer: string, token: string): string => `${issuer}${INVITATION_PATH}?token=${token}`
