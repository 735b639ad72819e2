import { z } from 'zod'
import { ApiError } from '../../http/problem.ts'
import { type TeamSettings, updateTeam } from '../../people/team.ts'
import { description, name } from '../fields.ts'
import { operation } from '../operation.ts'
import { members, nameTaken, refuseStrangers } from './fields.ts'
import { team, viewOfTeam } from './view.ts'

export const updateTeamOperation = operation({
  summary: 'Change a team',
  explanation: `\`members\` replaces all of them: send \`If-Match\` so as not to undo what others did meanwhile. Which teams a service user is
in is said by the service user.`,
  method: 'PATCH',
  path: '/v1/teams/:id',
  requires: 'teams:write',
  status: 200,
  body: z.strictObject({ name, description: description.nullable(), members }).partial(),
  answer: team,
  async handle({ id, body }, { scope, database, change, clock }) {
    const row = await change(async (transaction) => {
      const before = await transaction.team.findFirst({ where: { id } })
      if (!before) throw new ApiError('not_found')
      await refuseStrangers(transaction, body.members)
      return updateTeam(transaction, scope, before, body as Partial<TeamSettings>, new Date(clock.now()))
    }).catch((error) => Promise.reject(nameTaken(error)))
    return viewOfTeam(database, row)
  },
})
