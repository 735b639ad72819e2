import { z } from 'zod'
import { ApiError } from '../../http/problem.ts'

export const auditEntry = z
  .strictObject({
    id: z.string(),
    at: z.iso.datetime(),
    action: z.string(),
    actor: z.strictObject({ type: z.string(), id: z.string(), name: z.string() }),
    target: z.strictObject({ type: z.string(), id: z.string() }),
    ip: z.string().nullable(),
    request_id: z.string().nullable(),
    details: z.looseObject({ sandbox: z.boolean() }),
  })
  .meta({ id: 'AuditEntry' })

/** PostgreSQL's `integer`. */
const LARGEST = 2_147_483_647

/** The chain's own numbering is the cursor: it has no gaps and no ties. */
export function seqOf(cursor: string): number {
  if (/^\d{1,10}$/.test(cursor) && Number(cursor) <= LARGEST) return Number(cursor)
  throw new ApiError('validation_failed', { fields: [{ pointer: '?cursor', detail: 'the next_cursor of a list' }] })
}
