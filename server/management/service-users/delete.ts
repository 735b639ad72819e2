import { deleteServiceUser } from '../../credentials/service-users.ts'
import { ApiError } from '../../http/problem.ts'
import { operation } from '../operation.ts'

export const deleteServiceUserOperation = operation({
  summary: 'Delete a service user',
  explanation:
    'For good, at the next request on every node, with its service tokens, its workload bindings, and all that was minted for it.',
  method: 'DELETE',
  path: '/v1/service-users/:id',
  requires: 'service-users:write',
  status: 204,
  async handle({ id }, { change }) {
    const deleted = await change((transaction) => deleteServiceUser(transaction, id))
    if (!deleted) throw new ApiError('not_found')
  },
})
