import { z } from 'zod'
import { SERVICE_USER_ROLES } from '../../credentials/client.ts'
import { containing } from '../../storage/ilike.ts'
import { cursorAndLimit, searched } from '../fields.ts'
import { operation } from '../operation.ts'
import { listAnswer, listOf, pageOf } from '../page.ts'
import { SERVICE_USER_STATUSES, serviceUser, viewOfServiceUser } from './view.ts'

export const listServiceUsers = operation({
  summary: 'List service users',
  explanation:
    '`search` finds a part of the name or the description in any case, or an id; `team` those of a team, by its id.',
  method: 'GET',
  path: '/v1/service-users',
  requires: 'service-users:read',
  status: 200,
  query: z.strictObject({
    ...cursorAndLimit,
    search: searched.optional(),
    status: z.enum(SERVICE_USER_STATUSES).optional(),
    role: z.enum(SERVICE_USER_ROLES).optional(),
    team: searched.optional(),
  }),
  answer: listAnswer(serviceUser),
  async handle({ query }, { database }) {
    const { search, status, role, team } = query
    const { where, ...page } = pageOf(query)
    const rows = await database.client.findMany({
      where: {
        kind: 'service_user',
        ...(status !== undefined && { disabledAt: status === 'active' ? null : { not: null } }),
        ...(role !== undefined && { role }),
        ...(team !== undefined && { teams: { has: team } }),
        AND: [where, search === undefined ? {} : matching(search)],
      },
      ...page,
    })
    return listOf(rows, query, viewOfServiceUser)
  },
})

const matching = (search: string) => ({
  OR: [{ name: containing(search) }, { description: containing(search) }, { id: search }],
})
