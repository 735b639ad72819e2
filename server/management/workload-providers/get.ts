import { ApiError } from '../../http/problem.ts'
import { operation } from '../operation.ts'
import { providerAnswer, viewOfProvider } from './view.ts'

export const getProvider = operation({
  summary: 'Get a workload provider',
  method: 'GET',
  path: '/v1/workload-providers/:id',
  requires: 'workload-providers:read',
  status: 200,
  answer: providerAnswer,
  async handle({ id }, { database, issuer }) {
    const row = await database.workloadProvider.findFirst({ where: { id } })
    if (!row) throw new ApiError('not_found')
    return viewOfProvider(issuer)(row)
  },
})
