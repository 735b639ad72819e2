import { type BindingRow, conditionsOf, type ProviderRow, providerOf } from '../../workload-identity/records.ts'
import { adviceOn } from '../../workload-identity/wrong-conditions.ts'

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
