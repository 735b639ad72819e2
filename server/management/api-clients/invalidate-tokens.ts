import { invalidateTokens } from '../../credentials/api-clients.ts'
import { ApiError } from '../../http/problem.ts'
import { operation } from '../operation.ts'
import { apiClient, viewOfApiClient } from './view.ts'

export const invalidateApiClientTokens = operation({
  summary: 'Invalidate all tokens of an API client',
  explanation: 'Those that it has until now are good for nothing any more, on any node. It can get new ones.',
  method: 'POST',
  path: '/v1/api-clients/:id/invalidate-tokens',
  requires: 'api-clients:write',
  status: 200,
  answer: apiClient,
  async handle({ id }, { change }) {
    const row = await change((transaction) => invalidateTokens(transaction, id))
    if (!row) throw new ApiError('not_found')
    return viewOfApiClient(row)
  },
})
