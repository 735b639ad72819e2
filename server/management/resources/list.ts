import { z } from 'zod'
import { cursorAndLimit } from '../fields.ts'
import { operation } from '../operation.ts'
import { listOf, pageOf } from '../page.ts'
import { viewOfResource } from './view.ts'

export const listResources = operation({
  method: 'GET',
  path: '/v1/resources',
  requires: 'resources:read',
  status: 200,
  query: z.strictObject(cursorAndLimit),
  async handle({ query }, { database }) {
    return listOf(await database.resource.findMany(pageOf(query)), query, viewOfResource)
  },
})
