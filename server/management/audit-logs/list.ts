import { z } from 'zod'
import { shownEntry } from '../../audit/entry.ts'
import { cursorAndLimit } from '../fields.ts'
import { operation } from '../operation.ts'
import { listAnswer } from '../page.ts'
import { filters, matching } from './filters.ts'
import { linesOf } from './lines.ts'
import { auditEntry, seqOf } from './view.ts'

const LINES = 'application/x-ndjson'

/** Newest first. The chain's own numbering is the cursor: it has no gaps and no ties. */
export const listAuditLogs = operation({
  summary: 'Read the audit log',
  explanation:
    `Newest first. With \`Accept: ${LINES}\` all that match come as a stream, one entry per line, whatever \`limit\` is. ` +
    'Events of tokens are listed in the order in which they were taken in, so two of the same second may be the other way round.',
  method: 'GET',
  path: '/v1/audit-logs',
  requires: 'audit-logs:read',
  status: 200,
  query: z.strictObject({ ...cursorAndLimit, ...filters }),
  answer: listAnswer(auditEntry),
  otherAnswers: { [LINES]: auditEntry },
  async handle({ query: { cursor, limit, ...wanted }, mediaType }, { database, drainEvents }) {
    const before = cursor === undefined ? undefined : seqOf(cursor)
    const where = matching(wanted)
    // Whoever looks for what they have just done finds it.
    await drainEvents()
    if (mediaType === LINES) return linesOf(database, where, before)
    const rows = await database.auditEntry.findMany({
      where: { ...where, ...(before !== undefined && { seq: { lt: before } }) },
      orderBy: { seq: 'desc' },
      take: limit + 1,
    })
    const shown = rows.slice(0, limit)
    return { data: shown.map(shownEntry), next_cursor: rows.length > limit ? String(shown.at(-1)?.seq) : null }
  },
})
