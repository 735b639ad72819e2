import type { Movement, Outcome } from '../audit/change.ts'
import { newRecordId } from '../credentials/format.ts'
import type { ScopedTransaction, TenantScope } from '../tenancy/scoped-database.ts'

export interface TeamSettings {
  readonly name: string
  readonly description: string | null
  /** Ids; as a set. */
  readonly members: readonly string[]
}

export interface NewTeam extends TeamSettings {
  readonly createdBy: string
}

export type TeamRow = Awaited<ReturnType<ScopedTransaction['team']['findFirstOrThrow']>>

export async function createTeam(
  transaction: ScopedTransaction,
  scope: TenantScope,
  { members, ...settings }: NewTeam,
  now: Date,
): Promise<Outcome<TeamRow>> {
  const id = newRecordId('team')
  const row = await transaction.team.create({ data: { ...scope, id, ...settings, createdAt: now, updatedAt: now } })
  await writeMembers(transaction, scope, id, members, now)
  return { result: row, events: [eventOf('team.created', row, { members })] }
}

/** What isn't there stays as it is; `members` replaces them all. */
export async function updateTeam(
  transaction: ScopedTransaction,
  scope: TenantScope,
  before: TeamRow,
  { members, ...settings }: Partial<TeamSettings>,
  now: Date,
): Promise<Outcome<TeamRow>> {
  const { id } = before
  const had = (await membersOf(transaction, id)).sort()
  const changed = {
    ...(settings.name !== undefined && settings.name !== before.name && { name: settings.name }),
    ...(settings.description !== undefined &&
      settings.description !== before.description && { description: settings.description }),
    ...(members && JSON.stringify([...members].sort()) !== JSON.stringify(had) && { members }),
  }
  if (!Object.keys(changed).length) return { result: before, events: [] }
  const { members: replaced, ...columns } = changed
  if (replaced) {
    await transaction.teamMember.deleteMany({ where: { teamId: id } })
    await writeMembers(transaction, scope, id, replaced, now)
  }
  const row = await transaction.team.update({ where: { id }, data: { ...columns, updatedAt: now } })
  return { result: row, events: [eventOf('team.changed', row, changed)] }
}

/** Service users who are in it are in it no more, at the next request on every node. */
export async function deleteTeam(transaction: ScopedTransaction, team: TeamRow): Promise<Outcome<TeamRow>> {
  const { id } = team
  const moved: Movement[] = []
  const users = await transaction.client.findMany({ where: { teams: { has: id } } })
  for (const user of users) {
    const teams = user.teams.filter((other) => other !== id)
    await transaction.client.update({ where: { id: user.id }, data: { teams } })
    moved.push({ ref: user.ref, kill: false })
  }
  await transaction.team.delete({ where: { id } })
  const details = { service_users: users.map((user) => user.id) }
  return { result: team, events: [eventOf('team.deleted', team, details)], moved }
}

export const membersOf = async (
  { teamMember }: Pick<ScopedTransaction, 'teamMember'>,
  teamId: string,
): Promise<string[]> => (await teamMember.findMany({ where: { teamId } })).map(({ memberId }) => memberId)

async function writeMembers(
  { teamMember }: ScopedTransaction,
  scope: TenantScope,
  teamId: string,
  members: readonly string[],
  now: Date,
): Promise<void> {
  const data = members.map((memberId) => ({ ...scope, teamId, memberId, createdAt: now }))
  if (data.length) await teamMember.createMany({ data })
}

const eventOf = (
  action: string,
  { id, name }: TeamRow,
  details: Record<string, string | null | readonly string[]>,
) => ({
  action,
  target: { type: 'team', id },
  details: { name, ...details },
})
