import { z } from 'zod'
import { ApiError } from '../http/problem.ts'

/** Newest first; ids break ties. Rows that come or go between two pages don't shift the rest. */
const NEWEST_FIRST = [{ createdAt: 'desc' as const }, { id: 'desc' as const }]

interface Listed {
  readonly id: string
  readonly createdAt: Date
}

interface Paging {
  readonly cursor?: string | undefined
  readonly limit: number
}

/** What to ask the database for: one row more than wanted, to know whether there are more. */
export const pageOf = ({ cursor, limit }: Paging) => ({ where: after(cursor), orderBy: NEWEST_FIRST, take: limit + 1 })

/** Milliseconds up to the year 5138, so that any such number is a time that PostgreSQL knows; and an id. */
const CURSOR = /^(\d{1,14}) ([a-z0-9_]+)$/

function after(cursor: string | undefined): object {
  if (cursor === undefined) return {}
  const [, time, id] = CURSOR.exec(Buffer.from(cursor, 'base64url').toString()) ?? []
  if (!id) {
    throw new ApiError('validation_failed', { fields: [{ pointer: '?cursor', detail: 'the next_cursor of a list' }] })
  }
  const createdAt = new Date(Number(time))
  return { OR: [{ createdAt: { lt: createdAt } }, { createdAt, id: { lt: id } }] }
}

/** The schema of what `listOf` makes. */
export const listAnswer = <Row extends z.ZodType>(row: Row) =>
  z.strictObject({ data: z.array(row), next_cursor: z.string().nullable().meta({ description: 'null at the end' }) })

/** The contract's form of a list. */
export function listOf<Row extends Listed, View>(rows: Row[], { limit }: Paging, view: (row: Row) => View) {
  const shown = rows.slice(0, limit)
  const last = shown.at(-1)
  const more = rows.length > limit && last
  return { data: shown.map(view), next_cursor: more ? cursorOf(last) : null }
}

const cursorOf = ({ createdAt, id }: Listed): string =>
  Buffer.from(`${createdAt.getTime()} ${id}`).toString('base64url')
