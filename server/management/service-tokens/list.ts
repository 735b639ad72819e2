import { z } from 'zod'
import { ApiError } from '../../http/problem.ts'
import { cursorAndLimit } from '../fields.ts'
import { operation } from '../operation.ts'
import { listOf, pageOf } from '../page.ts'
import { viewOfServiceToken } from './view.ts'

export const listServiceTokens = operation({
  method: 'GET',
  path: '/v1/service-users/:id/tokens',
  requires: 'service-users:read',
  status: 200,
  query: z.strictObject(cursorAndLimit),
  async handle({ id, query }, { database, clock }) {
    if (!(await database.client.count({ where: { id, kind: 'service_user' } }))) throw new ApiError('not_found')
    const { where, ...page } = pageOf(query)
    const rows = await database.secret.findMany({ where: { ...where, clientId: id }, ...page })
    return listOf(rows, query, viewOfServiceToken(clock.now()))
  },
})
