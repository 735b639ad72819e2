import { z } from 'zod'
import type { TeamRow } from '../../people/team.ts'
import type { ScopedDatabase } from '../../tenancy/scoped-database.ts'
import { MEMBER_ROLES } from '../../tenancy/scopes.ts'

const listed = {
  id: z.string(),
  name: z.string(),
  description: z.string().nullable(),
  created_at: z.iso.datetime(),
  created_by: z.string(),
  updated_at: z.iso.datetime(),
}

export const listedTeam = z.strictObject(listed).meta({ id: 'ListedTeam' })

export const team = z
  .strictObject({
    ...listed,
    members: z.array(z.strictObject({ id: z.string(), email: z.string(), role: z.enum(MEMBER_ROLES) })),
    service_users: z.array(z.strictObject({ id: z.string(), name: z.string() })),
  })
  .meta({ id: 'Team' })

export const viewOfListedTeam = (row: TeamRow) => ({
  ...{ id: row.id, name: row.name, description: row.description },
  ...{ created_at: row.createdAt, created_by: row.createdBy, updated_at: row.updatedAt },
})

/** With who is in it. */
export async function viewOfTeam(
  { teamMember, member, client }: Pick<ScopedDatabase, 'teamMember' | 'member' | 'client'>,
  row: TeamRow,
) {
  const places = await teamMember.findMany({ where: { teamId: row.id } })
  const members = await member.findMany({
    where: { id: { in: places.map(({ memberId }) => memberId) } },
    select: { id: true, email: true, role: true },
    orderBy: { email: 'asc' },
  })
  const users = await client.findMany({
    where: { kind: 'service_user', teams: { has: row.id } },
    select: { id: true, name: true },
    orderBy: [{ name: 'asc' }, { id: 'asc' }],
  })
  return { ...viewOfListedTeam(row), members, service_users: users }
}
