import { revokeKey } from '../../credentials/keys.ts'
import { ApiError } from '../../http/problem.ts'
import { operation } from '../operation.ts'

/** For good, at the next request on every node, with all that was minted from it. */
export const revokeApiKey = operation({
  summary: 'Revoke a key',
  explanation:
    'For good, at the next request on every node, with all tokens that were minted from it. It stays in the list.',
  method: 'DELETE',
  path: '/v1/api-keys/:id',
  requires: 'api-keys:write',
  status: 204,
  async handle({ id }, { change, clock }) {
    const revoked = await change((transaction) => revokeKey(transaction, id, new Date(clock.now())))
    if (!revoked) throw new ApiError('not_found')
  },
})
