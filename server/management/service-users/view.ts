import type { ScopedDatabase } from '../../tenancy/scoped-database.ts'

type ClientRow = Awaited<ReturnType<ScopedDatabase['client']['findFirstOrThrow']>>

export const viewOfServiceUser = (row: ClientRow) => ({
  id: row.id,
  client_id: row.id,
  name: row.name,
  description: row.description,
  role: row.role,
  teams: row.teams,
  jwks: row.jwks,
  created_at: row.createdAt,
  created_by: row.createdBy,
})
