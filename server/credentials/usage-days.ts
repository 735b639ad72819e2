import type { Clock } from '../clock.ts'
import type { Database } from '../storage/database.ts'
import type { ScopedDatabase } from '../tenancy/scoped-database.ts'
import { dayOf } from './usage.ts'

const DAY = 86_400_000

/** For so many days uses are kept; a year can be compared with the one before, by its last month. */
export const KEPT_DAYS = 400

/** How often a client's secrets were used on each of the days on which they were, those that are gone included. */
export async function usesByDay(
  { usageDay }: Pick<ScopedDatabase, 'usageDay'>,
  clientId: string,
  since: string,
  until: string,
): Promise<ReadonlyMap<string, number>> {
  const sums = await usageDay.groupBy({
    by: ['day'],
    where: { clientId, day: { gte: since, lte: until } },
    _sum: { count: true },
  })
  return new Map(sums.map(({ day, _sum }) => [day, _sum.count ?? 0]))
}

/** Both included. */
export const daysBetween = (since: string, until: string): string[] =>
  Array.from({ length: 1 + (Date.parse(until) - Date.parse(since)) / DAY }, (_, index) =>
    dayOf(Date.parse(since) + index * DAY),
  )

/** For the sweeper: days that are long gone. */
export const createUsageSweep = ({ database, clock }: { database: Database; clock: Clock }) => ({
  async sweep(limit: number): Promise<number> {
    const before = dayOf(clock.now() - KEPT_DAYS * DAY)
    return database.$executeRaw`
      DELETE FROM usage_day WHERE (tenant_id, mode, client_id, secret_id, day) IN (
        SELECT tenant_id, mode, client_id, secret_id, day FROM usage_day WHERE day < ${before}
        LIMIT ${limit} FOR UPDATE SKIP LOCKED)`
  },
})
