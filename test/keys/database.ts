import { PGlite } from '@electric-sql/pglite'
import { migrate } from '../../prisma/migrate.ts'
import { type OpenDatabase, openEmbedded } from '../../server/storage/database.ts'

/** An embedded database in memory with the schema in place, and `dump()` of all that it holds of signing keys. */
export async function openMemory(): Promise<OpenDatabase & { dump(): Promise<string> }> {
  const pglite = new PGlite()
  await migrate({
    execute: async (sql) => {
      await pglite.exec(sql)
    },
    query: async (sql) => (await pglite.query<Record<string, unknown>>(sql)).rows,
  })
  const opened = openEmbedded(pglite, async () => {})
  return {
    ...opened,
    dump: async () => JSON.stringify((await pglite.query('SELECT * FROM signing_key')).rows),
  }
}

export const START = Date.parse('2026-01-01T00:00:00Z')
export const SECOND = 1000
export const DAY = 86_400 * SECOND
