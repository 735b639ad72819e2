import { z } from 'zod'
import { createApiClient, findApiClient } from '../../credentials/api-clients.ts'
import type { ApiClientPermission } from '../../credentials/client.ts'
import { ApiError } from '../../http/problem.ts'
import { operation } from '../operation.ts'
import { changeClients } from './change.ts'
import { clientId, clientSecret, refuseTellingSecret } from './fields.ts'
import { refuseStrongerClient } from './power.ts'
import { apiClient, viewOfApiClient } from './view.ts'

export const duplicateApiClient = operation({
  summary: 'Duplicate an API client',
  explanation: 'A new one with the same token validity and permission, and an id and a secret of its own.',
  method: 'POST',
  path: '/v1/api-clients/:id/duplicate',
  requires: 'api-clients:write',
  status: 201,
  body: z.strictObject({ client_id: clientId, client_secret: clientSecret }),
  answer: apiClient,
  async handle({ caller, id, body }, needs) {
    const { scope, database, chosenSecrets, clock } = needs
    if (!(await findApiClient(database, id))) throw new ApiError('not_found')
    refuseTellingSecret(body.client_secret, body.client_id)
    const secret = await chosenSecrets.hash(body.client_secret)
    const row = await changeClients(needs, async (transaction) => {
      const original = await findApiClient(transaction, id)
      if (!original) throw new ApiError('not_found')
      refuseStrongerClient(caller, original)
      const { permission, client } = original
      const duplicate = {
        ...{ clientId: body.client_id, secret, createdBy: caller.actor.id, duplicateOf: id },
        permission: permission as ApiClientPermission,
        scopes: client.allScopes ? ('all' as const) : client.scopes,
        tokenValidity: client.tokenValidity,
      }
      return createApiClient(transaction, scope, duplicate, new Date(clock.now()))
    })
    return viewOfApiClient(row)
  },
})
