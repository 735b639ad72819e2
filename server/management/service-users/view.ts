import { z } from 'zod'
import { SERVICE_USER_ROLES } from '../../credentials/client.ts'
import type { ScopedDatabase } from '../../tenancy/scoped-database.ts'
import { shownJwks } from '../jwks.ts'

type ClientRow = Awaited<ReturnType<ScopedDatabase['client']['findFirstOrThrow']>>

export const SERVICE_USER_STATUSES = ['active', 'disabled'] as const

export const serviceUser = z
  .strictObject({
    id: z.string(),
    client_id: z.string().meta({ description: 'the same as its id' }),
    name: z.string(),
    description: z.string().nullable(),
    status: z.enum(SERVICE_USER_STATUSES),
    role: z.enum(SERVICE_USER_ROLES),
    teams: z.array(z.string()).meta({ description: 'ids of teams' }),
    jwks: shownJwks,
    created_at: z.iso.datetime(),
    created_by: z.string(),
    updated_at: z.iso.datetime(),
    disabled_at: z.iso.datetime().nullable(),
  })
  .meta({ id: 'ServiceUser' })

export const viewOfServiceUser = (row: ClientRow) => ({
  id: row.id,
  client_id: row.id,
  name: row.name,
  description: row.description,
  status: row.disabledAt ? 'disabled' : 'active',
  role: row.role,
  teams: row.teams,
  jwks: row.jwks,
  created_at: row.createdAt,
  created_by: row.createdBy,
  updated_at: row.updatedAt,
  disabled_at: row.disabledAt,
})
