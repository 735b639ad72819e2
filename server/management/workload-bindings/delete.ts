import { ApiError } from '../../http/problem.ts'
import { deleteBinding } from '../../workload-identity/binding-changes.ts'
import { operation } from '../operation.ts'

/** For good, at the next request on every node, with all that was minted by it. */
export const deleteBindingOperation = operation({
  summary: 'Delete a workload binding',
  explanation: 'For good, at the next request on every node, with all that was minted by it.',
  method: 'DELETE',
  path: '/v1/workload-bindings/:id',
  requires: 'workload-providers:write',
  status: 204,
  async handle({ id }, { change }) {
    const deleted = await change((transaction) => deleteBinding(transaction, id))
    if (!deleted) throw new ApiError('not_found')
  },
})
