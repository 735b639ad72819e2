import { ApiError } from '../../http/problem.ts'
import { deleteInvitation } from '../../people/invitation.ts'
import { refuseOwnership } from '../members/power.ts'
import { operation } from '../operation.ts'

export const deleteInvitationOperation = operation({
  summary: 'Take an invitation back',
  explanation: 'Its link is worth nothing from then on.',
  method: 'DELETE',
  path: '/v1/members/invitations/:id',
  only: 'live',
  requires: 'members:write',
  status: 204,
  async handle({ caller, id }, { changeTenant }) {
    await changeTenant(async (transaction) => {
      const row = await transaction.invitation.findFirst({ where: { id } })
      if (!row) throw new ApiError('not_found')
      await refuseOwnership(transaction, caller, [row.role])
      return deleteInvitation(transaction, row)
    })
  },
})
