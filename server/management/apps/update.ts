import { z } from 'zod'
import { type AppChanges, type AppRow, updateApp } from '../../credentials/apps.ts'
import type { AppType } from '../../credentials/client.ts'
import { ApiError } from '../../http/problem.ts'
import { appSettingsOf, wrongAppFields, wrongScopes } from '../app-settings.ts'
import type { Caller } from '../caller.ts'
import { appFields, description, name, scopes, tokenValidity } from '../fields.ts'
import { jwks } from '../jwks.ts'
import { type OperationNeeds, operation } from '../operation.ts'
import { withinPower } from '../power.ts'
import { findLiveApp, refuseStrongerApp } from './find.ts'
import { appAnswer, viewOfApp } from './view.ts'

/** What isn't there stays; null is the default again. An app's type is for good. */
const body = z
  .strictObject({
    name,
    ...appFields,
    description: description.nullable(),
    scopes: scopes.nullable(),
    token_validity: tokenValidity.nullable(),
    require_dpop: z.boolean(),
    jwks: jwks.nullable(),
  })
  .partial()

type Body = z.output<typeof body>

export const updateAppOperation = operation({
  summary: 'Change an app',
  explanation: 'What is left out stays as it is; null is the default again. An app’s type is for good.',
  method: 'PATCH',
  path: '/v1/apps/:id',
  requires: 'apps:write',
  status: 200,
  body,
  answer: appAnswer,
  async handle({ caller, id, body }, needs) {
    const row = await needs.change(async (transaction) => {
      const before = await findLiveApp(id, transaction)
      // Who sets its scopes and nothing else makes it no stronger than they are: an admin may narrow any app.
      if (Object.keys(body).some((field) => field !== 'scopes')) refuseStrongerApp(caller, before)
      refuseWrongFields(body, before.app, needs)
      const changes = { client: clientChangesOf(caller, body), settings: appSettingsOf(body) }
      return updateApp(transaction, id, changes, new Date(needs.clock.now()))
    })
    if (!row) throw new ApiError('conflict', { detail: 'this app was revoked, for good' })
    return viewOfApp(row)
  },
})

const clientChangesOf = (caller: Caller, body: Body): AppChanges['client'] => ({
  ...(body.name !== undefined && { name: body.name }),
  ...(body.description !== undefined && { description: body.description }),
  ...(body.scopes !== undefined && {
    scopes: withinPower(caller, body.scopes ? [...new Set(body.scopes)] : undefined),
  }),
  ...(body.token_validity !== undefined && { tokenValidity: body.token_validity }),
  ...(body.require_dpop !== undefined && { requireDpop: body.require_dpop }),
  ...(body.jwks !== undefined && { jwks: body.jwks }),
})

/** A document at its client_id describes it: the server follows that. */
const DESCRIBED = ['name', 'redirect_uris', 'homepage'] as const

function refuseWrongFields(body: Body, app: AppRow, needs: OperationNeeds): void {
  const fields = [...wrongAppFields(body, app.type as AppType, app), ...wrongScopes(body.scopes, needs)]
  if (body.jwks && app.type === 'public') fields.push({ pointer: '/jwks', detail: 'a public app can keep no key' })
  const described = app.metadataUrl ? DESCRIBED.filter((field) => body[field] !== undefined) : []
  fields.push(...described.map((field) => ({ pointer: `/${field}`, detail: 'the document at its client_id says it' })))
  if (fields.length) throw new ApiError('validation_failed', { fields })
}
