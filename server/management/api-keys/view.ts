import type { ClientWithApp } from '../../credentials/apps.ts'
import { type ClientKind, clientIdOf } from '../../credentials/client.ts'
import type { Mode } from '../../mode/mode.ts'
import { viewOfAppSettings } from '../apps/view.ts'
import { statusOf } from '../status.ts'

/** A key as lists and answers show it. Its secret isn't here, because it isn't anywhere. */
export const viewOfKey = (now: number) => (row: ClientWithApp) => ({
  id: row.id,
  kind: row.kind,
  name: row.name,
  description: row.description,
  client_id: clientIdOf(row.kind as ClientKind, row.publicId, row.mode as Mode),
  status: statusOf(row, now),
  scopes: row.allScopes ? null : row.scopes,
  token_validity: row.tokenValidity,
  require_dpop: row.requireDpop,
  ...viewOfAppSettings(row),
  created_at: row.createdAt,
  created_by: row.createdBy,
  expires_at: row.expiresAt,
  revoked_at: row.revokedAt,
})
