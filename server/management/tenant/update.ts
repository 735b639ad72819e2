import { z } from 'zod'
import { changeSettings } from '../../tenancy/settings.ts'
import { operation } from '../operation.ts'
import { viewOfTenant } from './view.ts'

/** Of this mode. Name, plan and status are the operator's to change. */
export const updateTenant = operation({
  method: 'PATCH',
  path: '/v1/tenant',
  requires: 'tenant:write',
  status: 200,
  body: z.strictObject({
    require_dpop: z.boolean('true or false').optional(),
    metadata_document_clients: z.boolean('true or false').optional(),
  }),
  async handle({ body }, { change, scope, tenant }) {
    const wished = { requireDpop: body.require_dpop, metadataDocumentClients: body.metadata_document_clients }
    const settings = await change((transaction) => changeSettings(transaction, scope, tenant, wished))
    return viewOfTenant(tenant, scope, settings)
  },
})
