import { z } from 'zod'
import { createApiClient } from '../../credentials/api-clients.ts'
import { tokenValidity } from '../fields.ts'
import { operation } from '../operation.ts'
import { changeClients } from './change.ts'
import { clientId, clientSecret, permission, refuseTellingSecret } from './fields.ts'
import { scopesGiven } from './power.ts'
import { apiClient, viewOfApiClient } from './view.ts'

/** Seconds. */
const DEFAULT_TOKEN_VALIDITY = 3600

export const createApiClientOperation = operation({
  summary: 'Add an API client',
  explanation:
    'It authenticates at `/oauth/token` with the `client_id` and `client_secret` that are chosen here; in a Basic header both are ' +
    'form-encoded first (RFC 6749 §2.3.1). Any number may exist, and five may be active at once: one more is made `inactive`, and ' +
    'can authenticate when it is activated. `edit` is all that there is at the management API and needs a caller who holds all of it; ' +
    '`read` is the scopes that end in `:read`, and nothing but `GET`. With `read` goes no `tokens:introspect`.',
  method: 'POST',
  path: '/v1/api-clients',
  requires: 'api-clients:write',
  status: 201,
  body: z.strictObject({
    client_id: clientId,
    client_secret: clientSecret,
    token_validity: tokenValidity.default(DEFAULT_TOKEN_VALIDITY),
    permission,
  }),
  answer: apiClient,
  async handle({ caller, body }, needs) {
    const { scope, chosenSecrets, clock } = needs
    refuseTellingSecret(body.client_secret, body.client_id)
    const client = {
      ...{ clientId: body.client_id, permission: body.permission, tokenValidity: body.token_validity },
      scopes: scopesGiven(caller, body.permission, needs),
      secret: await chosenSecrets.hash(body.client_secret),
      createdBy: caller.actor.id,
    }
    const now = new Date(clock.now())
    return viewOfApiClient(
      await changeClients(needs, (transaction) => createApiClient(transaction, scope, client, now)),
    )
  },
})
