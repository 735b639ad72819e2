import { findApiClient } from '../../credentials/api-clients.ts'
import { ApiError } from '../../http/problem.ts'
import { operation } from '../operation.ts'
import { apiClient, viewOfApiClient } from './view.ts'

export const getApiClient = operation({
  summary: 'Show an API client',
  method: 'GET',
  path: '/v1/api-clients/:id',
  requires: 'api-clients:read',
  status: 200,
  answer: apiClient,
  async handle({ id }, { database }) {
    const row = await findApiClient(database, id)
    if (!row) throw new ApiError('not_found')
    return viewOfApiClient(row)
  },
})
