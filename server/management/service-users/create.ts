import { z } from 'zod'
import { SERVICE_USER_ROLES } from '../../credentials/client.ts'
import { createServiceUser } from '../../credentials/service-tokens.ts'
import { scopesOfRole } from '../../tenancy/scopes.ts'
import { description, label, name } from '../fields.ts'
import { operation } from '../operation.ts'
import { withinPower } from '../power.ts'
import { viewOfServiceUser } from './view.ts'

export const createServiceUserOperation = operation({
  method: 'POST',
  path: '/v1/service-users',
  requires: 'service-users:write',
  status: 201,
  body: z.strictObject({
    name,
    description: description.nullish(),
    role: z.enum(SERVICE_USER_ROLES),
    teams: z.array(label).max(50, 'at most 50').default([]),
  }),
  async handle({ caller, body }, { scope, change, clock }) {
    withinPower(caller, scopesOfRole(body.role))
    const user = { ...body, description: body.description ?? null, createdBy: caller.actor.id }
    const row = await change((transaction) => createServiceUser(transaction, scope, user, new Date(clock.now())))
    return viewOfServiceUser(row)
  },
})
