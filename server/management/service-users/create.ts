import { z } from 'zod'
import { SERVICE_USER_ROLES } from '../../credentials/client.ts'
import { createServiceUser } from '../../credentials/service-users.ts'
import { description, name, teams } from '../fields.ts'
import { jwks } from '../jwks.ts'
import { operation } from '../operation.ts'
import { refuseStrongerUser, refuseUnknownTeams } from './find.ts'
import { serviceUser, viewOfServiceUser } from './view.ts'

export const createServiceUserOperation = operation({
  summary: 'Create a service user',
  explanation:
    'An account for automation, tied to no human. Its role is the most that its service tokens and workloads may do. `jwks` are keys for ' +
    '`private_key_jwt`: it has no secret of its own. `teams` are ids; relying parties see them at introspection.',
  method: 'POST',
  path: '/v1/service-users',
  requires: 'service-users:write',
  status: 201,
  body: z.strictObject({
    name,
    description: description.nullish(),
    role: z.enum(SERVICE_USER_ROLES),
    teams: teams.default([]),
    jwks: jwks.nullish(),
  }),
  answer: serviceUser,
  async handle({ caller, body }, needs) {
    const { scope, change, clock } = needs
    refuseStrongerUser(caller, body, needs)
    const user = { ...body, description: body.description ?? null, jwks: body.jwks ?? null, createdBy: caller.actor.id }
    const row = await change(async (transaction) => {
      await refuseUnknownTeams(transaction, body.teams)
      return createServiceUser(transaction, scope, user, new Date(clock.now()))
    })
    return viewOfServiceUser(row)
  },
})
