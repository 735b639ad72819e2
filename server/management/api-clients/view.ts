import { z } from 'zod'
import { API_CLIENT_STATUSES, type ApiClientRow, statusOfApiClient } from '../../credentials/api-clients.ts'
import { API_CLIENT_PERMISSIONS, type ApiClientPermission } from '../../credentials/client.ts'

export const apiClient = z
  .strictObject({
    id: z.string().meta({ description: 'stays when the client_id is changed' }),
    client_id: z.string(),
    token_validity: z.int().nullable().meta({ description: 'seconds' }),
    status: z.enum(API_CLIENT_STATUSES),
    permission: z.enum(API_CLIENT_PERMISSIONS),
    created_at: z.iso.datetime(),
    created_by: z.string(),
    updated_at: z.iso.datetime(),
    last_used_at: z.iso.datetime().nullable().meta({ description: 'to the minute' }),
  })
  .meta({ id: 'ApiClient' })

/** As lists and answers show it. Its secret isn't here, because it isn't anywhere. */
export const viewOfApiClient = (row: ApiClientRow) => ({
  id: row.id,
  client_id: row.clientId,
  token_validity: row.client.tokenValidity,
  status: statusOfApiClient(row),
  permission: row.permission as ApiClientPermission,
  created_at: row.client.createdAt,
  created_by: row.client.createdBy,
  updated_at: row.client.updatedAt,
  last_used_at: row.client.secrets[0]?.lastUsedAt ?? null,
})
