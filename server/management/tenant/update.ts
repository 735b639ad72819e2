import { z } from 'zod'
import { ApiError } from '../../http/problem.ts'
import { isAllowedFrom } from '../../tenancy/networks.ts'
import { changeSettings } from '../../tenancy/settings.ts'
import { operation } from '../operation.ts'
import { tenantFields } from './fields.ts'
import { tenantAnswer, viewOfTenant } from './view.ts'

/** Of this mode. Name, plan and status are the operator's to change. */
export const updateTenant = operation({
  summary: 'Change the settings of the tenant in this mode',
  explanation:
    'Of these settings and what the operator demands of the tenant, the stricter holds: see `security`. ' +
    '`max_token_validity` is for tokens made from now on; those that exist keep the end that they were given. ' +
    '`allowed_networks` must hold the address that this request comes from, so that nobody locks themselves out.',
  method: 'PATCH',
  path: '/v1/tenant',
  requires: 'tenant:write',
  status: 200,
  body: z.strictObject(tenantFields),
  answer: tenantAnswer,
  async handle({ body }, { change, scope, tenant, address }) {
    refuseLockout(body.allowed_networks, address)
    const wished = {
      requireDpop: body.require_dpop,
      metadataDocumentClients: body.metadata_document_clients,
      allowedNetworks: body.allowed_networks,
      maxTokenValidity: body.max_token_validity,
      auditRetentionDays: body.audit_retention_days,
    }
    const settings = await change((transaction) => changeSettings(transaction, scope, tenant, wished))
    return viewOfTenant(tenant, scope, settings)
  },
})

function refuseLockout(allowedNetworks: readonly string[] | undefined, address: string): void {
  if (!allowedNetworks || isAllowedFrom([allowedNetworks], address)) return
  const detail = `must hold the address of this request, ${address}`
  throw new ApiError('validation_failed', { fields: [{ pointer: '/allowed_networks', detail }] })
}
