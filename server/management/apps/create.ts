import { z } from 'zod'
import { createApp } from '../../credentials/apps.ts'
import { APP_TYPES } from '../../credentials/client.ts'
import { ApiError } from '../../http/problem.ts'
import { appSettingsOf, NEW_APP_SETTINGS, wrongAppFields, wrongScopes } from '../app-settings.ts'
import { appFields, description, name, scopes, tokenValidity } from '../fields.ts'
import { jwks } from '../jwks.ts'
import { type OperationNeeds, operation } from '../operation.ts'
import { withinPower } from '../power.ts'
import { appWithSecret, viewOfApp } from './view.ts'

const body = z.strictObject({
  name,
  type: z.enum(APP_TYPES),
  ...appFields,
  description: description.nullish(),
  /** Left out: all that the creator has. People allow an app at most what they have themselves. */
  scopes: scopes.nullish(),
  token_validity: tokenValidity.nullish(),
  require_dpop: z.boolean().default(false),
  jwks: jwks.nullish(),
})

type Body = z.output<typeof body>

export const createAppOperation = operation({
  summary: 'Create an app',
  explanation: 'An app signs people in with the authorization code flow. Its secret is shown this once.',
  method: 'POST',
  path: '/v1/apps',
  requires: 'apps:write',
  status: 201,
  body,
  answer: appWithSecret,
  async handle({ caller, body }, needs) {
    refuseWrongFields(body, needs)
    const app = {
      type: body.type,
      client: {
        name: body.name,
        description: body.description ?? null,
        scopes: withinPower(caller, body.scopes ? [...new Set(body.scopes)] : undefined),
        tokenValidity: body.token_validity ?? null,
        requireDpop: body.require_dpop,
        jwks: body.jwks ?? null,
      },
      settings: { ...NEW_APP_SETTINGS, ...appSettingsOf(body) },
      createdBy: caller.actor.id,
    }
    const { scope, change, digests, clock } = needs
    const now = new Date(clock.now())
    const { row, clientSecret } = await change((transaction) => createApp(transaction, scope, digests, app, now))
    return { ...viewOfApp(row), ...(clientSecret !== undefined && { client_secret: clientSecret }) }
  },
})

function refuseWrongFields(body: Body, needs: OperationNeeds): void {
  const fields = [...wrongAppFields(body, body.type), ...wrongScopes(body.scopes, needs)]
  if (body.jwks && body.type === 'public') fields.push({ pointer: '/jwks', detail: 'a public app can keep no key' })
  if (fields.length) throw new ApiError('validation_failed', { fields })
}
