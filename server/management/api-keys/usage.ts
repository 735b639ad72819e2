import { findKey } from '../../credentials/keys.ts'
import { ApiError } from '../../http/problem.ts'
import { operation } from '../operation.ts'
import { USAGE_EXPLANATION, usageAnswer, usageOf, usageQuery } from '../usage.ts'

export const getApiKeyUsage = operation({
  summary: 'How often a key was used',
  explanation: USAGE_EXPLANATION,
  method: 'GET',
  path: '/v1/api-keys/:id/usage',
  requires: 'api-keys:read',
  status: 200,
  query: usageQuery,
  answer: usageAnswer,
  async handle({ id, query }, needs) {
    if (!(await findKey(needs.database, id))) throw new ApiError('not_found')
    return usageOf(id, query, needs)
  },
})
