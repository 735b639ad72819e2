import { ApiError } from '../../http/problem.ts'
import { deleteProvider } from '../../workload-identity/providers.ts'
import { operation } from '../operation.ts'

/** For good, at the next request on every node, with its bindings and all that was minted by them. */
export const deleteProviderOperation = operation({
  summary: 'Delete a workload provider',
  explanation: 'For good, at the next request on every node, with its bindings and all that was minted by them.',
  method: 'DELETE',
  path: '/v1/workload-providers/:id',
  requires: 'workload-providers:write',
  status: 204,
  async handle({ id }, { change, clock }) {
    const deleted = await change((transaction) => deleteProvider(transaction, id, new Date(clock.now())))
    if (!deleted) throw new ApiError('not_found')
  },
})
