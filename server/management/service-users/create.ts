import { z } from 'zod'
import { SERVICE_USER_ROLES } from '../../credentials/client.ts'
import { createServiceUser } from '../../credentials/service-users.ts'
import { scopesOfRole } from '../../tenancy/scopes.ts'
import { description, name, teams } from '../fields.ts'
import { jwks } from '../jwks.ts'
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
    teams: teams.default([]),
    /** For private_key_jwt: a service user has no secret of its own. */
    jwks: jwks.nullish(),
  }),
  async handle({ caller, body }, { scope, change, clock }) {
    withinPower(caller, scopesOfRole(body.role))
    const user = { ...body, description: body.description ?? null, jwks: body.jwks ?? null, createdBy: caller.actor.id }
    const row = await change((transaction) => createServiceUser(transaction, scope, user, new Date(clock.now())))
    return viewOfServiceUser(row)
  },
})
