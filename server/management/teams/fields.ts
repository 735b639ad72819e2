import { z } from 'zod'
import { ApiError } from '../../http/problem.ts'
import { isUniqueViolation } from '../../storage/database.ts'
import type { ScopedTransaction } from '../../tenancy/scoped-database.ts'

/** Ids of members. */
export const members = z
  .array(z.string().max(64))
  .max(500, 'at most 500')
  .transform((ids) => [...new Set(ids)])

/** @throws {ApiError} validation_failed, at each that is nobody's */
export async function refuseStrangers({ member }: ScopedTransaction, ids: readonly string[] = []): Promise<void> {
  const rows = await member.findMany({ where: { id: { in: [...ids] } }, select: { id: true } })
  const known = new Set(rows.map(({ id }) => id))
  const fields = ids.flatMap((id, at) =>
    known.has(id) ? [] : [{ pointer: `/members/${at}`, detail: 'no such member' }],
  )
  if (fields.length) throw new ApiError('validation_failed', { fields })
}

export const nameTaken = (error: unknown): unknown =>
  isUniqueViolation(error) ? new ApiError('conflict', { detail: 'a team has that name' }) : error
