import { readSettings } from '../../tenancy/settings.ts'
import { operation } from '../operation.ts'
import { viewOfTenant } from './view.ts'

export const getTenant = operation({
  method: 'GET',
  path: '/v1/tenant',
  requires: 'tenant:read',
  status: 200,
  async handle(_, { database, scope, tenant }) {
    return viewOfTenant(tenant, scope, await readSettings(database, scope))
  },
})
