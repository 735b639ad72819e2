import { z } from 'zod'
import {
  API_CLIENT_STATUSES,
  type ApiClientChanges,
  type ApiClientRow,
  findApiClient,
  updateApiClient,
} from '../../credentials/api-clients.ts'
import { ApiError } from '../../http/problem.ts'
import { isRead } from '../../oauth/resource-indicator.ts'
import type { Caller } from '../caller.ts'
import { tokenValidity } from '../fields.ts'
import { type OperationNeeds, operation } from '../operation.ts'
import { changeClients, limitReached } from './change.ts'
import { clientId, clientSecret, permission, refuseTellingSecret } from './fields.ts'
import { refuseStrongerClient, scopesGiven } from './power.ts'
import { apiClient, viewOfApiClient } from './view.ts'

/** What isn't there stays. */
const body = z
  .strictObject({
    client_id: clientId,
    client_secret: clientSecret,
    token_validity: tokenValidity,
    permission,
    status: z.enum(API_CLIENT_STATUSES),
  })
  .partial()

type Body = z.output<typeof body>

export const updateApiClientOperation = operation({
  summary: 'Edit an API client',
  explanation:
    'A new `client_id` or `client_secret`, `permission: read` and `status: inactive` end all tokens that it has. While five others are ' +
    'active, `status: active` is a conflict, and nothing of the request is done.',
  method: 'PATCH',
  path: '/v1/api-clients/:id',
  requires: 'api-clients:write',
  status: 200,
  body,
  answer: apiClient,
  async handle({ caller, id, body }, needs) {
    const { database, chosenSecrets } = needs
    if (!(await findApiClient(database, id))) throw new ApiError('not_found')
    const secret = body.client_secret === undefined ? undefined : await chosenSecrets.hash(body.client_secret)
    return decided(id, needs, (before) => ({ ...changesOf(body, before, caller, needs), secret }))
  },
})

export const changeApiClientStatus = operation({
  summary: 'Activate an inactive API client, deactivate an active one',
  explanation: 'Deactivating ends all tokens that it has. Activating is a conflict while five others are active.',
  method: 'POST',
  path: '/v1/api-clients/:id/change-status',
  requires: 'api-clients:write',
  status: 200,
  answer: apiClient,
  handle: ({ caller, id }, needs) =>
    decided(id, needs, (before) => {
      const status = before.slot === null ? 'active' : 'inactive'
      return changesOf({ status }, before, caller, needs)
    }),
})

/** @throws {ApiError} not_found, conflict, or what `decide` throws */
async function decided(id: string, needs: OperationNeeds, decide: (before: ApiClientRow) => ApiClientChanges) {
  const { scope, clock } = needs
  const now = new Date(clock.now())
  const row = await changeClients(needs, (transaction) => updateApiClient(transaction, scope, id, decide, now))
  if (!row) throw new ApiError('not_found')
  if (row === 'full') throw limitReached()
  return viewOfApiClient(row)
}

/** @throws {ApiError} insufficient_scope, validation_failed */
function changesOf(body: Body, before: ApiClientRow, caller: Caller, needs: OperationNeeds): ApiClientChanges {
  if (!onlyTakes(body)) refuseStrongerClient(caller, before)
  if (body.client_secret !== undefined) refuseTellingSecret(body.client_secret, body.client_id ?? before.clientId)
  const { permission } = body
  return {
    ...{ clientId: body.client_id, tokenValidity: body.token_validity, status: body.status, permission },
    ...(permission === 'edit' && before.permission === 'read' && { scopes: scopesGiven(caller, 'edit', needs) }),
    ...(permission === 'read' && !before.client.allScopes && { scopes: before.client.scopes.filter(isRead) }),
  }
}

/** To take power away from a client needs no more than to be an admin. */
const onlyTakes = ({ permission, status, ...others }: Body): boolean =>
  Object.keys(others).length === 0 && permission !== 'edit' && status !== 'active'
