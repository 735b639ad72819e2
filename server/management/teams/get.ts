import { ApiError } from '../../http/problem.ts'
import { operation } from '../operation.ts'
import { team, viewOfTeam } from './view.ts'

export const getTeam = operation({
  summary: 'Get a team with its members and service users',
  method: 'GET',
  path: '/v1/teams/:id',
  requires: 'teams:read',
  status: 200,
  answer: team,
  async handle({ id }, { database }) {
    const row = await database.team.findFirst({ where: { id } })
    if (!row) throw new ApiError('not_found')
    return viewOfTeam(database, row)
  },
})
