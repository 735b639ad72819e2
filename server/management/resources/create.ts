import { z } from 'zod'
import { ApiError } from '../../http/problem.ts'
import { isResourceUri } from '../../oauth/resource-indicator.ts'
import { isUniqueViolation } from '../../storage/database.ts'
import { registerResource } from '../../tenancy/resources.ts'
import { name, tokenValidity } from '../fields.ts'
import { operation } from '../operation.ts'
import { scopes } from './fields.ts'
import { resource, viewOfResource } from './view.ts'

export const createResource = operation({
  summary: 'Register a resource',
  explanation: 'An API that tokens are for, named by a URI (RFC 8707), with scopes of its own. The URI stays.',
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
    scopes: scopes.refine((all) => all.length > 0, 'at least one'),
    token_validity: tokenValidity.nullish(),
  }),
  answer: resource,
  async handle({ body }, { scope, tenant, issuer, change, clock }) {
    if (body.identifier === issuer || body.identifier === `${issuer}/`) {
      throw new ApiError('conflict', { detail: 'this is the identifier of the management API' })
    }
    const { identifier, name, scopes } = body
    const made = { identifier, name, scopes, tokenValidity: body.token_validity ?? null }
    try {
      const row = await change((transaction) =>
        registerResource(transaction, scope, tenant, made, new Date(clock.now())),
      )
      return viewOfResource(row)
    } catch (error) {
      if (!isUniqueViolation(error)) throw error
      throw new ApiError('conflict', { detail: 'a resource with this identifier exists' })
    }
  },
})
