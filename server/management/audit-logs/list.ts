import { z } from 'zod'
import { ApiError } from '../../http/problem.ts'
import type { ScopedDatabase } from '../../tenancy/scoped-database.ts'
import { cursorAndLimit, searched } from '../fields.ts'
import { operation } from '../operation.ts'

type EntryRow = Awaited<ReturnType<ScopedDatabase['auditEntry']['findFirstOrThrow']>>

/** Newest first. The chain's own numbering is the cursor: it has no gaps and no ties. */
export const listAuditLogs = operation({
  method: 'GET',
  path: '/v1/audit-logs',
  requires: 'audit-logs:read',
  status: 200,
  query: z.strictObject({
    ...cursorAndLimit,
    action: searched.optional(),
    actor: searched.optional(),
    target: searched.optional(),
  }),
  async handle({ query: { cursor, limit, action, actor, target } }, { database }) {
    const rows = await database.auditEntry.findMany({
      where: {
        ...(cursor !== undefined && { seq: { lt: seqOf(cursor) } }),
        ...(action !== undefined && { action }),
        ...(actor !== undefined && { actorId: actor }),
        ...(target !== undefined && { targetId: target }),
      },
      orderBy: { seq: 'desc' },
      take: limit + 1,
    })
    const shown = rows.slice(0, limit)
    return { data: shown.map(viewOfEntry), next_cursor: rows.length > limit ? String(shown.at(-1)?.seq) : null }
  },
})

function seqOf(cursor: string): number {
  if (/^\d{1,9}$/.test(cursor)) return Number(cursor)
  throw new ApiError('validation_failed', { fields: [{ pointer: '?cursor', detail: 'the next_cursor of a list' }] })
}

const viewOfEntry = (row: EntryRow) => ({
  id: row.id,
  at: row.at,
  action: row.action,
  actor: { type: row.actorType, id: row.actorId, name: row.actorName },
  target: { type: row.targetType, id: row.targetId },
  ip: row.ip,
  request_id: row.requestId,
  details: row.details,
})
