import type { ScopedDatabase } from '../../tenancy/scoped-database.ts'

type ResourceRow = Awaited<ReturnType<ScopedDatabase['resource']['findFirstOrThrow']>>

export const viewOfResource = (row: ResourceRow) => ({
  id: row.id,
  identifier: row.identifier,
  name: row.name,
  scopes: row.scopes,
  token_validity: row.tokenValidity,
  created_at: row.createdAt,
})
