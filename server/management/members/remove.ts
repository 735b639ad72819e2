import { ApiError } from '../../http/problem.ts'
import { LAST_OWNER, removeMember, standingOn } from '../../people/member-changes.ts'
import { operation } from '../operation.ts'
import { lastOwner, refuseOwnership } from './power.ts'

export const removeMemberOperation = operation({
  summary: 'Remove a member',
  explanation: `Their sessions end, and whatever acts in their name, in both modes and at the next request: apps, refresh
tokens, personal access tokens. What they made for the tenant stays, keys and invitations too.`,
  method: 'DELETE',
  path: '/v1/members/:id',
  only: 'live',
  requires: 'members:write',
  status: 204,
  async handle({ caller, id }, { changeTenant }) {
    const removed = await changeTenant(async (transaction) => {
      const row = await transaction.member.findFirst({ where: { id } })
      // Repeated by somebody who never got the answer: all that stood on them moves once more.
      if (!row) return { result: undefined, events: [], moved: await standingOn(transaction, id, true) }
      await refuseOwnership(transaction, caller, [row.role])
      return removeMember(transaction, row)
    })
    if (removed === LAST_OWNER) throw lastOwner()
    if (!removed) throw new ApiError('not_found')
  },
})
