import { z } from 'zod'
import { ApiError } from '../../http/problem.ts'
import { linkEvent, makeLink, PASSWORD_LINK_LIFETIME } from '../../people/invitation.ts'
import type { MemberRole } from '../../tenancy/scopes.ts'
import { linkOf } from '../invitations/view.ts'
import { operation } from '../operation.ts'
import { refuseGiving } from './power.ts'

export const makePasswordLink = operation({
  summary: 'Make a link by which a member sets a new password',
  explanation: `The link is shown once, and is good once, for a day. Whoever has it can sign in as the member, so the caller must have the
member's power. Setting the password ends the member's sessions; a passkey is asked for as before.`,
  method: 'POST',
  path: '/v1/members/:id/password-link',
  only: 'live',
  requires: 'members:write',
  status: 201,
  answer: z
    .strictObject({
      id: z.string(),
      member_id: z.string(),
      link: z.url().meta({ description: 'shown this once' }),
      expires_at: z.iso.datetime(),
    })
    .meta({ id: 'PasswordLink' }),
  async handle({ caller, id }, needs) {
    const { changeTenant, scope, digests, clock, issuer } = needs
    const now = clock.now()
    const { row, token } = await changeTenant(async (transaction) => {
      const member = await transaction.member.findFirst({ where: { id } })
      if (!member) throw new ApiError('not_found')
      const role = member.role as MemberRole
      await refuseGiving(transaction, caller, role, needs)
      const expiresAt = new Date(now + PASSWORD_LINK_LIFETIME)
      const link = { email: member.email, role, createdBy: caller.actor.id, expiresAt }
      const made = await makeLink(transaction, scope.tenantId, digests, link, new Date(now))
      return { result: made, events: [linkEvent('member.password_link_made', made.row)] }
    })
    return { id: row.id, member_id: id, link: linkOf(issuer, token), expires_at: row.expiresAt }
  },
})
