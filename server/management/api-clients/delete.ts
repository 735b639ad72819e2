import { z } from 'zod'
import { deleteApiClients } from '../../credentials/api-clients.ts'
import { ApiError } from '../../http/problem.ts'
import { type OperationNeeds, operation } from '../operation.ts'

export const deleteApiClient = operation({
  summary: 'Delete an API client',
  explanation: 'For good, with all tokens that it has. Its `client_id` and its place among the active are free again.',
  method: 'DELETE',
  path: '/v1/api-clients/:id',
  requires: 'api-clients:write',
  status: 204,
  handle: ({ id }, needs) => deleted([id], needs),
})

export const deleteSeveralApiClients = operation({
  summary: 'Delete several API clients',
  explanation: 'All of them, or none if one of them is not there.',
  method: 'POST',
  path: '/v1/api-clients/delete',
  requires: 'api-clients:write',
  status: 204,
  body: z.strictObject({
    ids: z
      .array(z.string().regex(/^client_[a-z2-7]{8,32}$/, 'the id of an API client'))
      .min(1, 'at least one')
      .max(50, 'at most 50'),
  }),
  handle: ({ body }, needs) => deleted(body.ids, needs),
})

async function deleted(ids: readonly string[], { scope, change }: OperationNeeds): Promise<void> {
  const done = await change((transaction) => deleteApiClients(transaction, scope, ids))
  if (!done) throw new ApiError('not_found')
}
