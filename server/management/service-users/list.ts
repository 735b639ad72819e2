import { z } from 'zod'
import { cursorAndLimit } from '../fields.ts'
import { operation } from '../operation.ts'
import { listOf, pageOf } from '../page.ts'
import { viewOfServiceUser } from './view.ts'

export const listServiceUsers = operation({
  method: 'GET',
  path: '/v1/service-users',
  requires: 'service-users:read',
  status: 200,
  query: z.strictObject(cursorAndLimit),
  async handle({ query }, { database }) {
    const { where, ...page } = pageOf(query)
    const rows = await database.client.findMany({ where: { ...where, kind: 'service_user' }, ...page })
    return listOf(rows, query, viewOfServiceUser)
  },
})
