import { shownEntry } from '../../audit/entry.ts'
import type { ScopedDatabase } from '../../tenancy/scoped-database.ts'
import type { matching } from './filters.ts'

/** Entries per query: what is in memory at once. */
const PAGE = 500

/**
 * All that match, newest first, a line of JSON each. A page is read when the one before has been taken, so a slow reader
 * costs a page; whoever goes away ends the iteration, and with it the reading. What comes meanwhile isn't in it.
 */
export async function* linesOf(
  database: ScopedDatabase,
  where: ReturnType<typeof matching>,
  before: number | undefined,
): AsyncGenerator<string> {
  for (let next = before; ; ) {
    const rows = await database.auditEntry.findMany({
      where: { ...where, ...(next !== undefined && { seq: { lt: next } }) },
      orderBy: { seq: 'desc' },
      take: PAGE,
    })
    for (const row of rows) yield `${JSON.stringify(shownEntry(row))}\n`
    next = rows.at(-1)?.seq
    if (rows.length < PAGE || next === undefined) return
  }
}
