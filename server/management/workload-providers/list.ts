import { z } from 'zod'
import { cursorAndLimit } from '../fields.ts'
import { operation } from '../operation.ts'
import { listAnswer, listOf, pageOf } from '../page.ts'
import { providerAnswer, viewOfProvider } from './view.ts'

export const listProviders = operation({
  summary: 'List workload providers',
  method: 'GET',
  path: '/v1/workload-providers',
  requires: 'workload-providers:read',
  status: 200,
  query: z.strictObject(cursorAndLimit),
  answer: listAnswer(providerAnswer),
  async handle({ query }, { database, issuer }) {
    return listOf(await database.workloadProvider.findMany(pageOf(query)), query, viewOfProvider(issuer))
  },
})
