import { changeServiceToken, type ServiceTokenChange } from '../../credentials/service-tokens.ts'
import { ApiError } from '../../http/problem.ts'
import type { ScopedTransaction } from '../../tenancy/scoped-database.ts'
import type { Caller } from '../caller.ts'
import { type Answering, type Call, type Operation, type OperationNeeds, operation } from '../operation.ts'
import { refuseStrongerUser } from '../service-users/find.ts'
import { serviceToken, viewOfServiceToken } from './view.ts'

type Words = Pick<Call, 'method' | 'path' | 'summary' | 'explanation'> & Answering

const changing = (words: Words, what: ServiceTokenChange): Operation =>
  operation({
    ...words,
    requires: 'service-users:write',
    async handle({ caller, id }, needs) {
      const { change, clock } = needs
      const now = clock.now()
      const row = await change(async (transaction) => {
        if (what === 'restored') await refuseRestoring(caller, id, transaction, needs)
        return changeServiceToken(transaction, id, what, new Date(now))
      })
      if (!row) throw new ApiError('not_found')
      return viewOfServiceToken(now)(row)
    },
  })

/**
 * Restoring gives power; revoking and deleting only take it.
 * @throws {ApiError} insufficient_scope, conflict
 */
async function refuseRestoring(
  caller: Caller,
  id: string,
  { secret }: ScopedTransaction,
  needs: Pick<OperationNeeds, 'issuer'>,
): Promise<void> {
  const token = await secret.findFirst({ where: { id, publicId: { not: null } }, include: { client: true } })
  if (!token) return
  refuseStrongerUser(caller, token.client, needs)
  if (token.leakedAt) throw new ApiError('conflict', { detail: 'it was leaked: somebody else has it' })
}

export const revokeServiceToken = changing(
  {
    summary: 'Revoke a service token',
    explanation: 'At the next request on every node. It can be restored.',
    method: 'POST',
    path: '/v1/service-tokens/:id/revoke',
    status: 200,
    answer: serviceToken,
  },
  'revoked',
)
export const restoreServiceToken = changing(
  {
    summary: 'Restore a revoked service token',
    explanation:
      'A conflict if it was reported as leaked. While its service user is disabled it does not work, restored or not.',
    method: 'POST',
    path: '/v1/service-tokens/:id/restore',
    status: 200,
    answer: serviceToken,
  },
  'restored',
)
export const deleteServiceToken = changing(
  {
    summary: 'Delete a service token',
    explanation: 'For good, also one that is active, which it revokes.',
    method: 'DELETE',
    path: '/v1/service-tokens/:id',
    status: 204,
  },
  'deleted',
)
