import { ApiError } from '../../http/problem.ts'
import { deleteTeam } from '../../people/team.ts'
import { operation } from '../operation.ts'

export const deleteTeamOperation = operation({
  summary: 'Delete a team',
  explanation: 'Service users who were in it are in it no more; nothing else happens to them.',
  method: 'DELETE',
  path: '/v1/teams/:id',
  requires: 'teams:write',
  status: 204,
  async handle({ id }, { change }) {
    await change(async (transaction) => {
      const row = await transaction.team.findFirst({ where: { id } })
      if (!row) throw new ApiError('not_found')
      return deleteTeam(transaction, row)
    })
  },
})
