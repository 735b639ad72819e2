import { ApiError } from '../../http/problem.ts'
import { operation } from '../operation.ts'
import { member, viewOfMember } from './view.ts'

export const getMember = operation({
  summary: 'Get a member',
  method: 'GET',
  path: '/v1/members/:id',
  requires: 'members:read',
  status: 200,
  answer: member,
  async handle({ id }, { database }) {
    const row = await database.member.findFirst({ where: { id } })
    if (!row) throw new ApiError('not_found')
    return viewOfMember(row)
  },
})
