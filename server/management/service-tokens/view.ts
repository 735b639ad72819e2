import type { ScopedDatabase } from '../../tenancy/scoped-database.ts'
import { statusOf } from '../status.ts'

type SecretRow = Awaited<ReturnType<ScopedDatabase['secret']['findFirstOrThrow']>>

/** A service token as lists show it: the prefix hint finds it in a configuration, and is no part of its secret. */
export const viewOfServiceToken = (now: number) => (row: SecretRow) => ({
  id: row.id,
  service_user_id: row.clientId,
  name: row.name,
  prefix_hint: `st_${row.mode}_${row.publicId}`,
  status: statusOf(row, now),
  created_at: row.createdAt,
  created_by: row.createdBy,
  expires_at: row.expiresAt,
  revoked_at: row.revokedAt,
})
