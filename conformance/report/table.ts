import type { Outcome } from '../check.ts'
import { isFailedMust, type Report, type Result } from '../run-checks.ts'
import { chaptersOf, countsOf } from './by-rfc.ts'

/** What the command prints: a line for each document, and below it what failed. */
export function table({ issuer, results }: Report): string {
  const chapters = chaptersOf(results)
  const width = Math.max(...chapters.map(({ rfc }) => rfc.length), 'total'.length)
  const row = (name: string, counts: Readonly<Record<Outcome, number>>) =>
    `${name.padEnd(width)}  ${cell(counts.passed)}  ${cell(counts.failed)}  ${cell(counts['not offered'])}`
  const lines = [`${issuer}`, '', `${''.padEnd(width)}  passed  failed  not offered`]
  for (const { rfc, results: own, counts } of chapters) {
    lines.push(row(rfc, counts), ...own.filter(({ outcome }) => outcome === 'failed').map(failure))
  }
  lines.push(row('total', countsOf(results)), '', verdict(results))
  return `${lines.join('\n')}\n`
}

const cell = (count: number): string => String(count).padStart(6)

const failure = ({ id, level, title, seen }: Result): string =>
  `    failed ${level} ${id}: ${title}\n      seen: ${seen}`

function verdict(results: readonly Result[]): string {
  const count = results.filter(isFailedMust).length
  return count === 0 ? 'No MUST failed.' : `${count} MUST failed.`
}
