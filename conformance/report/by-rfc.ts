import type { Outcome } from '../check.ts'
import type { Result } from '../run-checks.ts'

export interface Chapter {
  readonly rfc: string
  readonly results: readonly Result[]
  readonly counts: Readonly<Record<Outcome, number>>
}

/** In the order in which the documents first appear. */
export const chaptersOf = (results: readonly Result[]): Chapter[] =>
  [...Map.groupBy(results, ({ rfc }) => rfc)].map(([rfc, own]) => ({ rfc, results: own, counts: countsOf(own) }))

export function countsOf(results: readonly Result[]): Record<Outcome, number> {
  const counts = { passed: 0, failed: 0, 'not offered': 0 }
  for (const { outcome } of results) counts[outcome] += 1
  return counts
}
