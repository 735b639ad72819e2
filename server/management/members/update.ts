import { z } from 'zod'
import { ApiError } from '../../http/problem.ts'
import { changeMemberRole, LAST_OWNER } from '../../people/member-changes.ts'
import { MEMBER_ROLES } from '../../tenancy/scopes.ts'
import { operation } from '../operation.ts'
import { lastOwner, refuseGiving, refuseOwnership } from './power.ts'
import { member, viewOfMember } from './view.ts'

export const updateMember = operation({
  summary: "Change a member's role",
  explanation: `It holds at the next request, in both modes, for whatever acts in the member's name: apps and personal access
tokens. If they lose power, apps must be allowed again. Only owners, and keys with full access, make or change owners.`,
  method: 'PATCH',
  path: '/v1/members/:id',
  only: 'live',
  requires: 'members:write',
  status: 200,
  body: z.strictObject({ role: z.enum(MEMBER_ROLES) }),
  answer: member,
  async handle({ caller, id, body: { role } }, needs) {
    const row = await needs.changeTenant(async (transaction) => {
      const before = await transaction.member.findFirst({ where: { id } })
      if (!before) throw new ApiError('not_found')
      await refuseOwnership(transaction, caller, [before.role])
      await refuseGiving(transaction, caller, role, needs)
      return changeMemberRole(transaction, before, role)
    })
    if (row === LAST_OWNER) throw lastOwner()
    return viewOfMember(row)
  },
})
