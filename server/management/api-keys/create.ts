import { z } from 'zod'
import { writeAppSettings } from '../../credentials/apps.ts'
import { issueKey, KEY_KINDS, WITH_SECRETS } from '../../credentials/keys.ts'
import { ApiError } from '../../http/problem.ts'
import { appSettingsOf, NEW_APP_SETTINGS, type WrongField, wrongAppFields, wrongScopes } from '../app-settings.ts'
import { appFields, description, expiresAt, name, scopes, tags, tokenValidity } from '../fields.ts'
import { type OperationNeeds, operation } from '../operation.ts'
import { withinPower } from '../power.ts'
import { apiKeyWithSecret, viewOfNewKey } from './view.ts'

const body = z.strictObject({
  kind: z.enum(KEY_KINDS),
  name,
  description: description.nullish(),
  tags: tags.default([]),
  /** Left out: all that the creator has, which for a full-access key is everything, now and later. */
  scopes: scopes.optional(),
  expires_at: expiresAt.nullish(),
  token_validity: tokenValidity.nullish(),
  require_dpop: z.boolean().default(false),
  /** Of a public key: it is then the client_id of a public client of the authorization code flow. */
  ...appFields,
  redirect_uris: appFields.redirect_uris.optional(),
})

type Body = z.output<typeof body>

export const createApiKey = operation({
  summary: 'Create a key',
  explanation:
    'An enterprise key needs the Enterprise plan, `scopes` and `expires_at`. Without `scopes` a key gets all that its creator has. In test ' +
    'mode keys are `tk_test_…`, and none is an enterprise key. A `public` key has no secret; with `redirect_uris` it is the client_id of a ' +
    'public client of the authorization code flow.',
  method: 'POST',
  path: '/v1/api-keys',
  requires: 'api-keys:write',
  status: 201,
  body,
  answer: apiKeyWithSecret,
  async handle({ caller, body }, needs) {
    refuseWrongFields(body, needs)
    const isApp = body.redirect_uris !== undefined
    const hasScopes = body.kind !== 'public' || isApp
    const scopes = hasScopes ? withinPower(caller, body.scopes && [...new Set(body.scopes)]) : []
    const now = needs.clock.now()
    const key = {
      kind: body.kind,
      name: body.name,
      description: body.description ?? null,
      tags: body.tags,
      scopes,
      tokenValidity: body.token_validity ?? null,
      requireDpop: body.require_dpop,
      expiresAt: body.expires_at ?? null,
      createdBy: caller.actor.id,
    }
    const settings = { ...NEW_APP_SETTINGS, ...appSettingsOf(body) }
    const { scope, change, digests } = needs
    const { row, apiKey } = await change(async (transaction) => {
      const { result, ...outcome } = await issueKey(transaction, scope, digests, key, new Date(now))
      const { id } = result.row
      if (isApp) await writeAppSettings(transaction, scope, id, 'public', settings)
      const row = await transaction.client.findUniqueOrThrow({ where: { id }, include: WITH_SECRETS })
      return { ...outcome, result: { row, apiKey: result.apiKey } }
    })
    return viewOfNewKey(now, row, apiKey)
  },
})

/** What depends on the kind of the key, the tenant's plan and its resources. All that is wrong is said at once. */
function refuseWrongFields(body: Body, needs: OperationNeeds): void {
  const { kind, scopes, expires_at } = body
  const { scope, tenant, clock } = needs
  const fields: WrongField[] = []
  const wrong = (pointer: string, detail: string) => fields.push({ pointer, detail })

  if (kind === 'enterprise') {
    if (scope.mode === 'test') wrong('/kind', 'enterprise keys exist in live mode only')
    if (tenant.plan !== 'enterprise') wrong('/kind', 'enterprise keys need the Enterprise plan')
    if (!scopes) wrong('/scopes', 'required for an enterprise key')
    if (!expires_at) wrong('/expires_at', 'required for an enterprise key')
  }
  if (kind === 'public' && scopes && !body.redirect_uris)
    wrong('/scopes', 'a public key has none without redirect_uris')
  if (expires_at && expires_at.getTime() <= clock.now()) wrong('/expires_at', 'a time in the future')
  fields.push(...wrongScopes(scopes, needs), ...wrongFlowFields(body))
  if (fields.length) throw new ApiError('validation_failed', { fields })
}

/** What belongs to the authorization code flow makes sense for a public key that takes part in it, and nowhere else. */
function wrongFlowFields(body: Body): WrongField[] {
  const isApp = body.kind === 'public' && body.redirect_uris !== undefined
  if (isApp) return wrongAppFields(body, 'public')
  const detail = body.kind === 'public' ? 'only together with redirect_uris' : 'only a public key has it'
  const said = (Object.keys(appFields) as (keyof typeof appFields)[]).filter((field) => body[field] !== undefined)
  return said.map((field) => ({ pointer: `/${field}`, detail }))
}
