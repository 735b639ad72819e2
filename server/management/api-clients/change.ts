import { ApiError } from '../../http/problem.ts'
import { isUniqueViolation } from '../../storage/database.ts'
import type { OperationNeeds } from '../operation.ts'

/** The slots are handed out one after the other, so a slot that somebody else got first is a rarity. */
const ATTEMPTS = 3

/**
 * A change of API clients whose rules the database keeps as well: a slot that is taken means that another one must be
 * found, or none is left; a client_id that is taken, by any tenant, is a conflict.
 * @throws {ApiError} conflict
 */
export async function changeClients<T>(
  { change }: Pick<OperationNeeds, 'change'>,
  work: Parameters<typeof change<T>>[0],
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await change(work)
    } catch (error) {
      if (!isUniqueViolation(error)) throw error
      if (!isAboutSlot(error)) throw new ApiError('conflict', { detail: 'this client_id is taken' })
      if (attempt === ATTEMPTS) throw error
    }
  }
}

export const limitReached = (): ApiError =>
  new ApiError('conflict', { detail: 'five API clients are active, and no more can be: deactivate one first' })

/** The drivers say it each in their own words; the column is in all of them. */
const isAboutSlot = (error: unknown): boolean =>
  /\bslot\b|_slot_/.test(JSON.stringify((error as { meta?: unknown }).meta))
