import { revokePersonalAccessToken } from '../../credentials/personal-access-tokens.ts'
import { ApiError } from '../../http/problem.ts'
import { operation } from '../operation.ts'

export const revokePersonalAccessTokenOperation = operation({
  summary: 'Revoke one of your personal access tokens',
  explanation: 'For good, at the next request on every node.',
  method: 'DELETE',
  path: '/v1/personal-access-tokens/:id',
  only: 'people',
  requires: 'personal-access-tokens:write',
  status: 204,
  async handle({ caller, id }, { change, clock }) {
    const own = { id, memberId: caller.person?.id ?? '' }
    const revoked = await change((transaction) => revokePersonalAccessToken(transaction, own, new Date(clock.now())))
    if (!revoked) throw new ApiError('not_found')
  },
})
