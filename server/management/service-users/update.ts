import { z } from 'zod'
import { SERVICE_USER_ROLES } from '../../credentials/client.ts'
import { type ServiceUserChanges, updateServiceUser } from '../../credentials/service-users.ts'
import { ApiError } from '../../http/problem.ts'
import { description, name, teams } from '../fields.ts'
import { jwks } from '../jwks.ts'
import { operation } from '../operation.ts'
import { findServiceUser, refuseStrongerUser, refuseUnknownTeams } from './find.ts'
import { serviceUser, viewOfServiceUser } from './view.ts'

/** What isn't there stays. */
const body = z
  .strictObject({
    name,
    description: description.nullable(),
    role: z.enum(SERVICE_USER_ROLES),
    teams,
    jwks: jwks.nullable(),
  })
  .partial()

export const updateServiceUserOperation = operation({
  summary: 'Change a service user',
  explanation:
    'Who changes it must hold what its role holds, before and after. A lesser role, and keys that it has no more, end the tokens that were ' +
    'minted for it so far.',
  method: 'PATCH',
  path: '/v1/service-users/:id',
  requires: 'service-users:write',
  status: 200,
  body,
  answer: serviceUser,
  async handle({ caller, id, body }, needs) {
    const { change, clock } = needs
    const now = new Date(clock.now())
    const row = await change(async (transaction) => {
      const before = await findServiceUser(transaction, id)
      refuseStrongerUser(caller, before, needs)
      refuseStrongerUser(caller, { role: body.role ?? before.role }, needs)
      await refuseUnknownTeams(transaction, body.teams)
      return updateServiceUser(transaction, id, body as ServiceUserChanges, now)
    })
    if (!row) throw new ApiError('not_found')
    return viewOfServiceUser(row)
  },
})
