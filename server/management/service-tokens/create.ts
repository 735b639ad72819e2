import { z } from 'zod'
import type { ServiceUserRole } from '../../credentials/client.ts'
import { issueServiceToken } from '../../credentials/service-tokens.ts'
import { ApiError } from '../../http/problem.ts'
import { scopesOfRole } from '../../tenancy/scopes.ts'
import { expiresAt, name } from '../fields.ts'
import { operation } from '../operation.ts'
import { withinPower } from '../power.ts'
import { viewOfServiceToken } from './view.ts'

export const createServiceToken = operation({
  method: 'POST',
  path: '/v1/service-users/:id/tokens',
  requires: 'service-users:write',
  status: 201,
  body: z.strictObject({ name, expires_at: expiresAt.nullish() }),
  async handle({ caller, id, body }, { scope, database, change, digests, clock }) {
    const now = clock.now()
    const expires = body.expires_at ?? null
    if (expires && expires.getTime() <= now) {
      throw new ApiError('validation_failed', { fields: [{ pointer: '/expires_at', detail: 'a time in the future' }] })
    }
    const user = await database.client.findFirst({ where: { id, kind: 'service_user' } })
    if (!user) throw new ApiError('not_found')
    withinPower(caller, scopesOfRole(user.role as ServiceUserRole))
    const token = { name: body.name, expiresAt: expires, createdBy: caller.actor.id }
    const issued = await change((transaction) =>
      issueServiceToken(transaction, scope, digests, id, token, new Date(now)),
    )
    if (!issued) throw new ApiError('not_found')
    return { ...viewOfServiceToken(now)(issued.row), service_token: issued.serviceToken }
  },
})
