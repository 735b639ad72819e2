import type { ServiceUserRole } from '../../credentials/client.ts'
import { changeServiceToken, type ServiceTokenChange } from '../../credentials/service-tokens.ts'
import { ApiError } from '../../http/problem.ts'
import type { ScopedDatabase } from '../../tenancy/scoped-database.ts'
import { scopesOfRole } from '../../tenancy/scopes.ts'
import type { Caller } from '../caller.ts'
import { type Operation, operation } from '../operation.ts'
import { withinPower } from '../power.ts'
import { viewOfServiceToken } from './view.ts'

const changing = (route: Pick<Operation, 'method' | 'path' | 'status'>, what: ServiceTokenChange): Operation =>
  operation({
    ...route,
    requires: 'service-users:write',
    async handle({ caller, id }, { change, database, clock }) {
      if (what === 'restored') await refuseMorePower(caller, id, database)
      const now = clock.now()
      const row = await change((transaction) => changeServiceToken(transaction, id, what, new Date(now)))
      if (!row) throw new ApiError('not_found')
      return viewOfServiceToken(now)(row)
    },
  })

/** Restoring gives power; revoking and deleting only take it. */
async function refuseMorePower(caller: Caller, id: string, database: ScopedDatabase): Promise<void> {
  const user = await database.client.findFirst({ where: { secrets: { some: { id } }, kind: 'service_user' } })
  if (user) withinPower(caller, scopesOfRole(user.role as ServiceUserRole))
}

export const revokeServiceToken = changing(
  { method: 'POST', path: '/v1/service-tokens/:id/revoke', status: 200 },
  'revoked',
)
export const restoreServiceToken = changing(
  { method: 'POST', path: '/v1/service-tokens/:id/restore', status: 200 },
  'restored',
)
export const deleteServiceToken = changing({ method: 'DELETE', path: '/v1/service-tokens/:id', status: 204 }, 'deleted')
