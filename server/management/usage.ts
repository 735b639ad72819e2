import { z } from 'zod'
import { dayOf } from '../credentials/usage.ts'
import { daysBetween, KEPT_DAYS, usesByDay } from '../credentials/usage-days.ts'
import { ApiError } from '../http/problem.ts'
import type { OperationNeeds } from './operation.ts'

const day = z.iso.date('a day as RFC 3339 writes it, such as 2030-01-31')

export const usageQuery = z.strictObject({ since: day.optional(), until: day.optional() })

export const usageAnswer = z
  .strictObject({
    data: z.array(z.strictObject({ date: z.iso.date(), count: z.int() })).meta({ description: 'the oldest first' }),
  })
  .meta({ id: 'Usage' })

export const USAGE_EXPLANATION =
  `How often it was used on each day (UTC), days without a use included: the last 30, or those from \`since\` to \`until\`, ` +
  `at most ${KEPT_DAYS}. A use is a request that it authenticated, or an introspection of it. Counts are a minute behind.`

const DAY = 86_400_000
/** Days, with today. */
const SHOWN = 30

/** For charts. @throws {ApiError} validation_failed */
export async function usageOf(
  clientId: string,
  { since, until }: z.output<typeof usageQuery>,
  { database, clock }: Pick<OperationNeeds, 'database' | 'clock'>,
): Promise<z.output<typeof usageAnswer>> {
  const last = until ?? dayOf(clock.now())
  const first = since ?? dayOf(Math.max(0, Date.parse(last) - (SHOWN - 1) * DAY))
  if (first > last) throw wrong('?since', 'not after until')
  if ((Date.parse(last) - Date.parse(first)) / DAY >= KEPT_DAYS) throw wrong('?since', `at most ${KEPT_DAYS} days`)
  const counts = await usesByDay(database, clientId, first, last)
  return { data: daysBetween(first, last).map((date) => ({ date, count: counts.get(date) ?? 0 })) }
}

const wrong = (pointer: string, detail: string) => new ApiError('validation_failed', { fields: [{ pointer, detail }] })
