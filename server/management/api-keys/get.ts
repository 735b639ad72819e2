import { findKey } from '../../credentials/keys.ts'
import { ApiError } from '../../http/problem.ts'
import { operation } from '../operation.ts'
import { apiKey, viewOfKey } from './view.ts'

export const getApiKey = operation({
  summary: 'Get a key',
  method: 'GET',
  path: '/v1/api-keys/:id',
  requires: 'api-keys:read',
  status: 200,
  answer: apiKey,
  async handle({ id }, { database, clock }) {
    const row = await findKey(database, id)
    if (!row) throw new ApiError('not_found')
    return viewOfKey(clock.now())(row)
  },
})
