import { z } from 'zod'
import { splitKey } from '../../credentials/format.ts'
import { issueKey, KEY_KINDS } from '../../credentials/keys.ts'
import { ApiError } from '../../http/problem.ts'
import { resourcesOf } from '../../oauth/resource-indicator.ts'
import { description, expiresAt, name, tokenValidity } from '../fields.ts'
import { type OperationNeeds, operation } from '../operation.ts'
import { withinPower } from '../power.ts'
import { viewOfKey } from './view.ts'

const body = z.strictObject({
  kind: z.enum(KEY_KINDS),
  name,
  description: description.nullish(),
  /** Left out: all that the creator has, which for a full-access key is everything, now and later. */
  scopes: z.array(z.string().max(129)).max(200, 'at most 200').optional(),
  expires_at: expiresAt.nullish(),
  token_validity: tokenValidity.nullish(),
  require_dpop: z.boolean().default(false),
})

type Body = z.output<typeof body>

export const createApiKey = operation({
  method: 'POST',
  path: '/v1/api-keys',
  requires: 'api-keys:write',
  status: 201,
  body,
  async handle({ caller, body }, needs) {
    refuseWrongFields(body, needs)
    const scopes = body.kind === 'public' ? [] : withinPower(caller, body.scopes && [...new Set(body.scopes)])
    const now = needs.clock.now()
    const key = {
      kind: body.kind,
      name: body.name,
      description: body.description ?? null,
      scopes,
      tokenValidity: body.token_validity ?? null,
      requireDpop: body.require_dpop,
      expiresAt: body.expires_at ?? null,
      createdBy: caller.actor.id,
    }
    const { row, apiKey } = await needs.change((transaction) =>
      issueKey(transaction, needs.scope, needs.digests, key, new Date(now)),
    )
    const { client_id, ...view } = viewOfKey(now)(row)
    if (!apiKey) return { ...view, api_key: client_id, client_id }
    const { clientId, clientSecret } = splitKey(apiKey)
    return { ...view, api_key: apiKey, client_id: clientId, client_secret: clientSecret }
  },
})

/** What depends on the kind of the key, the tenant's plan and its resources. All that is wrong is said at once. */
function refuseWrongFields({ kind, scopes, expires_at }: Body, { scope, tenant, issuer, clock }: OperationNeeds): void {
  const fields: { pointer: string; detail: string }[] = []
  const wrong = (pointer: string, detail: string) => fields.push({ pointer, detail })

  if (kind === 'enterprise') {
    if (scope.mode === 'test') wrong('/kind', 'enterprise keys exist in live mode only')
    if (tenant.plan !== 'enterprise') wrong('/kind', 'enterprise keys need the Enterprise plan')
    if (!scopes) wrong('/scopes', 'required for an enterprise key')
    if (!expires_at) wrong('/expires_at', 'required for an enterprise key')
  }
  if (kind === 'public' && scopes) wrong('/scopes', 'a public key has no scopes of its own')
  if (scopes?.length === 0) wrong('/scopes', 'at least one, or leave it out')
  if (expires_at && expires_at.getTime() <= clock.now()) wrong('/expires_at', 'a time in the future')

  const known = new Set(resourcesOf(tenant, issuer).flatMap((resource) => resource.scopes))
  scopes?.forEach((name, at) => {
    if (!known.has(name)) wrong(`/scopes/${at}`, 'no resource has this scope')
  })
  if (fields.length) throw new ApiError('validation_failed', { fields })
}
