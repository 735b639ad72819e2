import { z } from 'zod'
import { SERVICE_USER_ROLES, type ServiceUserRole } from '../../credentials/client.ts'
import { type ServiceUserChanges, updateServiceUser } from '../../credentials/service-users.ts'
import { ApiError } from '../../http/problem.ts'
import { scopesOfRole } from '../../tenancy/scopes.ts'
import { description, name, teams } from '../fields.ts'
import { jwks } from '../jwks.ts'
import { operation } from '../operation.ts'
import { withinPower } from '../power.ts'
import { viewOfServiceUser } from './view.ts'

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
  method: 'PATCH',
  path: '/v1/service-users/:id',
  requires: 'service-users:write',
  status: 200,
  body,
  async handle({ caller, id, body }, { database, change, clock }) {
    const before = await database.client.findFirst({ where: { id, kind: 'service_user' } })
    if (!before) throw new ApiError('not_found')
    // With a key of one's own among its keys one acts as it: it must have no more than oneself, before and after.
    withinPower(caller, scopesOfRole(before.role as ServiceUserRole))
    if (body.role) withinPower(caller, scopesOfRole(body.role))
    const now = new Date(clock.now())
    const row = await change((transaction) => updateServiceUser(transaction, id, body as ServiceUserChanges, now))
    if (!row) throw new ApiError('not_found')
    return viewOfServiceUser(row)
  },
})
