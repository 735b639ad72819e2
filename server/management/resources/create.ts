import { z } from 'zod'
import { ApiError } from '../../http/problem.ts'
import { isResourceUri } from '../../oauth/resource-indicator.ts'
import { isUniqueViolation } from '../../storage/database.ts'
import { registerResource } from '../../tenancy/resources.ts'
import { SCOPE_FORM } from '../../tenancy/scopes.ts'
import { name, tokenValidity } from '../fields.ts'
import { operation } from '../operation.ts'
import { viewOfResource } from './view.ts'

export const createResource = operation({
  method: 'POST',
  path: '/v1/resources',
  requires: 'resources:write',
  status: 201,
  body: z.strictObject({
    identifier: z
      .string()
      .max(250, 'at most 250 characters')
      .refine(isResourceUri, 'an absolute URI without a fragment'),
    name,
    scopes: z.array(z.string().regex(SCOPE_FORM, 'resource:action, in small letters')).min(1).max(200),
    token_validity: tokenValidity.nullish(),
  }),
  async handle({ body }, { scope, tenant, issuer, change, clock }) {
    if (body.identifier === issuer || body.identifier === `${issuer}/`) {
      throw new ApiError('conflict', { detail: 'this is the identifier of the management API' })
    }
    const scopes = [...new Set(body.scopes)]
    const resource = { ...body, scopes, tokenValidity: body.token_validity ?? null }
    try {
      const row = await change((transaction) =>
        registerResource(transaction, scope, tenant, resource, new Date(clock.now())),
      )
      return viewOfResource(row)
    } catch (error) {
      if (!isUniqueViolation(error)) throw error
      throw new ApiError('conflict', { detail: 'a resource with this identifier exists' })
    }
  },
})
