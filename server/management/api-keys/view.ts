import { type ClientKind, clientIdOf } from '../../credentials/client.ts'
import type { KeyRow } from '../../credentials/keys.ts'
import type { Mode } from '../../mode/mode.ts'
import { statusOf } from '../status.ts'

/** A key as lists and answers show it. Its secret isn't here, because it isn't anywhere. */
export const viewOfKey = (now: number) => (row: KeyRow) => ({
  id: row.id,
  kind: row.kind,
  name: row.name,
  description: row.description,
  client_id: clientIdOf(row.kind as ClientKind, row.publicId, row.mode as Mode),
  status: statusOf(row, now),
  scopes: row.allScopes ? null : row.scopes,
  token_validity: row.tokenValidity,
  require_dpop: row.requireDpop,
  created_at: row.createdAt,
  created_by: row.createdBy,
  expires_at: row.expiresAt,
  revoked_at: row.revokedAt,
})
