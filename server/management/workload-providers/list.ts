import { z } from 'zod'
import { cursorAndLimit } from '../fields.ts'
import { operation } from '../operation.ts'
import { listOf, pageOf } from '../page.ts'
import { viewOfProvider } from './view.ts'

export const listProviders = operation({
  method: 'GET',
  path: '/v1/workload-providers',
  requires: 'workload-providers:read',
  status: 200,
  query: z.strictObject(cursorAndLimit),
  async handle({ query }, { database, issuer }) {
    return listOf(await database.workloadProvider.findMany(pageOf(query)), query, viewOfProvider(issuer))
  },
})
