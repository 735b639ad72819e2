import { z } from 'zod'
import { issueServiceToken } from '../../credentials/service-tokens.ts'
import { ApiError } from '../../http/problem.ts'
import { expiresAt, name } from '../fields.ts'
import { operation } from '../operation.ts'
import { findServiceUser, refuseStrongerUser } from '../service-users/find.ts'
import { serviceTokenWithSecret, viewOfServiceToken } from './view.ts'

export const createServiceToken = operation({
  summary: 'Generate a service token',
  explanation:
    'Shown this once. It is good for the management API only, with the role and the teams of its service user.',
  method: 'POST',
  path: '/v1/service-users/:id/tokens',
  requires: 'service-users:write',
  status: 201,
  body: z.strictObject({ name, expires_at: expiresAt.nullish() }),
  answer: serviceTokenWithSecret,
  async handle({ caller, id, body }, needs) {
    const { scope, change, digests, clock } = needs
    const now = clock.now()
    const expires = body.expires_at ?? null
    if (expires && expires.getTime() <= now) {
      throw new ApiError('validation_failed', { fields: [{ pointer: '/expires_at', detail: 'a time in the future' }] })
    }
    const token = { name: body.name, expiresAt: expires, createdBy: caller.actor.id }
    const issued = await change(async (transaction) => {
      refuseStrongerUser(caller, await findServiceUser(transaction, id), needs)
      return issueServiceToken(transaction, scope, digests, id, token, new Date(now))
    })
    if (!issued) throw new ApiError('not_found')
    return { ...viewOfServiceToken(now)(issued.row), service_token: issued.serviceToken }
  },
})
