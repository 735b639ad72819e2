import { z } from 'zod'
import { containing } from '../../storage/ilike.ts'
import { cursorAndLimit, searched } from '../fields.ts'
import { operation } from '../operation.ts'
import { listAnswer, listOf, pageOf } from '../page.ts'
import { listedTeam, viewOfListedTeam } from './view.ts'

export const listTeams = operation({
  summary: 'List teams',
  method: 'GET',
  path: '/v1/teams',
  requires: 'teams:read',
  status: 200,
  query: z.strictObject({
    ...cursorAndLimit,
    search: searched.optional().meta({ description: 'a part of the name' }),
  }),
  answer: listAnswer(listedTeam),
  async handle({ query }, { database }) {
    const { where, ...page } = pageOf(query)
    const { search } = query
    const rows = await database.team.findMany({
      where: { ...where, ...(search && { name: containing(search) }) },
      ...page,
    })
    return listOf(rows, query, viewOfListedTeam)
  },
})
