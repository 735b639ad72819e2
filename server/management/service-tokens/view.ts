import { z } from 'zod'
import type { ScopedDatabase } from '../../tenancy/scoped-database.ts'
import { STATUSES, statusOf } from '../status.ts'

type SecretRow = Awaited<ReturnType<ScopedDatabase['secret']['findFirstOrThrow']>>

const time = z.iso.datetime()

const members = {
  id: z.string(),
  service_user_id: z.string(),
  name: z.string(),
  prefix_hint: z
    .string()
    .meta({ description: 'how it begins: finds it in a configuration, and is no part of its secret' }),
  status: z.enum(STATUSES),
  created_at: time,
  created_by: z.string(),
  expires_at: time.nullable(),
  revoked_at: time.nullable(),
  leaked_at: time.nullable().meta({ description: 'when it was reported as leaked: it is never restored' }),
  last_used_at: time.nullable().meta({ description: 'to the minute' }),
  last_used_ip: z.string().nullable(),
  last_used_agent: z.string().nullable().meta({ description: 'the User-Agent of its last use' }),
}

export const serviceToken = z.strictObject(members).meta({ id: 'ServiceToken' })

export const serviceTokenWithSecret = z
  .strictObject({ ...members, service_token: z.string() })
  .meta({ id: 'ServiceTokenWithSecret', description: 'Its secret is shown this once.' })

/** A service token as lists show it. */
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
  leaked_at: row.leakedAt,
  last_used_at: row.lastUsedAt,
  last_used_ip: row.lastUsedIp,
  last_used_agent: row.lastUsedAgent,
})
