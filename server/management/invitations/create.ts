import { z } from 'zod'
import { ApiError } from '../../http/problem.ts'
import { INVITATION_LIFETIME, linkEvent, makeLink } from '../../people/invitation.ts'
import { foldedAddress, withAddress } from '../../people/member.ts'
import { refuseGiving, refuseOwnership } from '../members/power.ts'
import { operation } from '../operation.ts'
import { invitation, linkOf, viewOfInvitation } from './view.ts'

/** RFC 5321 §4.5.3.1.3. Kept folded: nobody is invited twice by two spellings. */
const email = z
  .email({ pattern: z.regexes.html5Email, error: 'an email address' })
  .max(254, 'at most 254 characters')
  .transform(foldedAddress)

export const inviteMember = operation({
  summary: 'Invite somebody',
  explanation: `The link is shown once, and is good once, for seven days: whoever opens it sets a password and is a member. Send it to
the address yourself. A second invitation to an address replaces the first.`,
  method: 'POST',
  path: '/v1/members/invitations',
  only: 'live',
  requires: 'members:write',
  status: 201,
  body: z.strictObject({ email, role: z.enum(['member', 'admin', 'owner']) }),
  answer: invitation.extend({ link: z.url().meta({ description: 'shown this once' }) }).meta({ id: 'NewInvitation' }),
  async handle({ caller, body: { email, role } }, needs) {
    const { changeTenant, scope, digests, clock, issuer } = needs
    const now = clock.now()
    const { row, token } = await changeTenant(async (transaction) => {
      await refuseGiving(transaction, caller, role, needs)
      if (await withAddress(transaction, email)) throw new ApiError('conflict', { detail: 'a member has that address' })
      const replaced = await transaction.invitation.findFirst({ where: { email } })
      await refuseOwnership(transaction, caller, [replaced?.role])
      const link = { email, role, createdBy: caller.actor.id, expiresAt: new Date(now + INVITATION_LIFETIME) }
      const made = await makeLink(transaction, scope.tenantId, digests, link, new Date(now))
      return { result: made, events: [linkEvent('invitation.created', made.row)] }
    })
    return { ...viewOfInvitation(now, new Set())(row), link: linkOf(issuer, token) }
  },
})
