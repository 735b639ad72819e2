import { z } from 'zod'
import { cursorAndLimit } from '../fields.ts'
import { operation } from '../operation.ts'
import { listAnswer, listOf, pageOf } from '../page.ts'
import { invitation, membersAmong, viewOfInvitation } from './view.ts'

export const listInvitations = operation({
  summary: 'List invitations that nobody has accepted',
  method: 'GET',
  path: '/v1/members/invitations',
  requires: 'members:read',
  status: 200,
  query: z.strictObject(cursorAndLimit),
  answer: listAnswer(invitation),
  async handle({ query }, { database, clock }) {
    const { where, ...page } = pageOf(query)
    const rows = await database.invitation.findMany({ where, ...page })
    return listOf(rows, query, viewOfInvitation(clock.now(), await membersAmong(database, rows)))
  },
})
