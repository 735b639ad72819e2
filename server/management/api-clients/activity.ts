import { z } from 'zod'
import { shownEntry } from '../../audit/entry.ts'
import { findApiClient } from '../../credentials/api-clients.ts'
import { ApiError } from '../../http/problem.ts'
import { auditEntry, seqOf } from '../audit-logs/view.ts'
import { cursorAndLimit } from '../fields.ts'
import { operation } from '../operation.ts'
import { listAnswer } from '../page.ts'

export const listApiClientActivity = operation({
  summary: "Show an API client's activity log",
  explanation:
    'Newest first: the tokens that it got or was refused, what it did with its id and secret, and what was done to it. These are ' +
    'entries of the audit log.',
  method: 'GET',
  path: '/v1/api-clients/:id/activity',
  requires: 'api-clients:read',
  status: 200,
  query: z.strictObject(cursorAndLimit),
  answer: listAnswer(auditEntry),
  async handle({ id, query: { cursor, limit } }, { database, drainEvents }) {
    if (!(await findApiClient(database, id))) throw new ApiError('not_found')
    await drainEvents()
    const rows = await database.auditEntry.findMany({
      where: {
        OR: [{ actorId: id }, { targetId: id }],
        ...(cursor !== undefined && { seq: { lt: seqOf(cursor) } }),
      },
      orderBy: { seq: 'desc' },
      take: limit + 1,
    })
    const shown = rows.slice(0, limit)
    return { data: shown.map(shownEntry), next_cursor: rows.length > limit ? String(shown.at(-1)?.seq) : null }
  },
})
