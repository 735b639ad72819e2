import { ApiError } from '../../http/problem.ts'
import { operation } from '../operation.ts'
import { viewOfServiceUser } from './view.ts'

export const getServiceUser = operation({
  method: 'GET',
  path: '/v1/service-users/:id',
  requires: 'service-users:read',
  status: 200,
  async handle({ id }, { database }) {
    const row = await database.client.findFirst({ where: { id, kind: 'service_user' } })
    if (!row) throw new ApiError('not_found')
    return viewOfServiceUser(row)
  },
})
