import { z } from 'zod'
import { cursorAndLimit } from '../fields.ts'
import { operation } from '../operation.ts'
import { listAnswer, listOf, pageOf } from '../page.ts'
import { RESOURCE_STATUSES, resource, viewOfResource } from './view.ts'

export const listResources = operation({
  summary: 'List resources',
  explanation: 'Those that were registered; the default one is at `/v1/resources/default`.',
  method: 'GET',
  path: '/v1/resources',
  requires: 'resources:read',
  status: 200,
  query: z.strictObject({ ...cursorAndLimit, status: z.enum(RESOURCE_STATUSES).optional() }),
  answer: listAnswer(resource),
  async handle({ query }, { database, issuer }) {
    const { where, ...page } = pageOf(query)
    const { status } = query
    const rows = await database.resource.findMany({
      where: {
        ...where,
        identifier: { not: issuer },
        ...(status !== undefined && { deprecatedAt: status === 'active' ? null : { not: null } }),
      },
      ...page,
    })
    return listOf(rows, query, viewOfResource)
  },
})
