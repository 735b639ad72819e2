import { readSettings } from '../../tenancy/settings.ts'
import { operation } from '../operation.ts'
import { tenantAnswer, viewOfTenant } from './view.ts'

export const getTenant = operation({
  summary: 'Get the tenant, its settings and what security holds',
  method: 'GET',
  path: '/v1/tenant',
  requires: 'tenant:read',
  status: 200,
  answer: tenantAnswer,
  async handle(_, { database, scope, tenant }) {
    return viewOfTenant(tenant, scope, await readSettings(database, scope))
  },
})
