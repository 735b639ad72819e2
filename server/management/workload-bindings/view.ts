import { z } from 'zod'
import { type BindingRow, conditionsOf, type ProviderRow, providerOf } from '../../workload-identity/records.ts'
import { adviceOn } from '../../workload-identity/wrong-conditions.ts'

const time = z.iso.datetime()

const value = z.union([z.string(), z.number(), z.boolean()])

export const bindingAnswer = z
  .strictObject({
    id: z.string(),
    provider_id: z.string(),
    service_user_id: z.string(),
    name: z.string().nullable(),
    conditions: z.array(
      z.strictObject({
        claim: z.string(),
        op: z.enum(['equals', 'one_of', 'prefix', 'glob']),
        value: z.union([value, z.array(value)]),
      }),
    ),
    scopes: z.array(z.string()).nullable().meta({ description: 'null: all that the service user has' }),
    token_validity: z.int().nullable().meta({ description: 'seconds; null: the default' }),
    disabled: z.boolean(),
    warnings: z.array(z.string()).meta({ description: 'what it had better pin as well' }),
    created_at: time,
    created_by: z.string(),
    updated_at: time,
  })
  .meta({ id: 'WorkloadBinding' })

/** A binding as lists and answers show it; `warnings` say what it had better pin as well. */
export const viewOfBinding = (row: BindingRow, provider: ProviderRow) => ({
  id: row.id,
  provider_id: row.providerId,
  service_user_id: row.serviceUserId,
  name: row.name,
  conditions: conditionsOf(row),
  scopes: row.allScopes ? null : row.scopes,
  token_validity: row.tokenValidity,
  disabled: row.disabledAt !== null,
  warnings: adviceOn(providerOf(provider), conditionsOf(row)),
  created_at: row.createdAt,
  created_by: row.createdBy,
  updated_at: row.updatedAt,
})
