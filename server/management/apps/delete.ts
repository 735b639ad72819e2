import { revokeApp } from '../../credentials/apps.ts'
import { ApiError } from '../../http/problem.ts'
import { operation } from '../operation.ts'

/** For good, at the next request on every node, with all that was minted for it. */
export const deleteApp = operation({
  summary: 'Revoke an app',
  explanation: 'For good, at the next request on every node, with all that was minted for it.',
  method: 'DELETE',
  path: '/v1/apps/:id',
  requires: 'apps:write',
  status: 204,
  async handle({ id }, { change, clock }) {
    const revoked = await change((transaction) => revokeApp(transaction, id, new Date(clock.now())))
    if (!revoked) throw new ApiError('not_found')
  },
})
