import { z } from 'zod'
import { containing } from '../../storage/ilike.ts'
import { MEMBER_ROLES } from '../../tenancy/scopes.ts'
import { cursorAndLimit, searched } from '../fields.ts'
import { operation } from '../operation.ts'
import { listAnswer, listOf, pageOf } from '../page.ts'
import { member, viewOfMember } from './view.ts'

export const listMembers = operation({
  summary: 'List members',
  explanation: 'People are of both modes: on either host the list is the same.',
  method: 'GET',
  path: '/v1/members',
  requires: 'members:read',
  status: 200,
  query: z.strictObject({
    ...cursorAndLimit,
    search: searched.optional().meta({ description: 'a part of the address' }),
    role: z.enum(MEMBER_ROLES).optional(),
  }),
  answer: listAnswer(member),
  async handle({ query }, { database }) {
    const { where, ...page } = pageOf(query)
    const { search, role } = query
    const rows = await database.member.findMany({
      where: {
        ...where,
        ...(search && { email: containing(search) }),
        ...(role && { role }),
      },
      ...page,
    })
    return listOf(rows, query, viewOfMember)
  },
})
