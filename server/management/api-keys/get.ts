import { KEY_KINDS } from '../../credentials/keys.ts'
import { ApiError } from '../../http/problem.ts'
import { operation } from '../operation.ts'
import { viewOfKey } from './view.ts'

export const getApiKey = operation({
  method: 'GET',
  path: '/v1/api-keys/:id',
  requires: 'api-keys:read',
  status: 200,
  async handle({ id }, { database, clock }) {
    const row = await database.client.findFirst({ where: { id, kind: { in: [...KEY_KINDS] } }, include: { app: true } })
    if (!row) throw new ApiError('not_found')
    return viewOfKey(clock.now())(row)
  },
})
