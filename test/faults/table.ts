import type { Row } from './fault.ts'

const COLUMNS = ['requests', 'sent', '2xx', '4xx', '503', 'cut off', 'lost', 'lost by replication'] as const

type Result = { readonly fault: string; readonly rows: readonly Row[] }

/** A line for each hurt, with all kinds of requests added up. */
export function summaryOf(results: readonly Result[]): string {
  const lines = results.flatMap(({ fault, rows }) =>
    [...new Set(rows.map(({ hurt }) => hurt))].map((hurt) => {
      const sum = (of: (row: Row) => number) =>
        rows.filter((row) => row.hurt === hurt).reduce((all, row) => all + of(row), 0)
      return [
        ...[fault, hurt, sum(({ sent }) => sent), sum(({ ok }) => ok), sum(({ refused }) => refused)],
        ...[sum(({ unavailable }) => unavailable), sum(({ cutOff }) => cutOff)],
        ...[sum(({ lost }) => lost), sum(({ lostByReplication }) => lostByReplication)],
      ]
    }),
  )
  return markdown(['fault', 'what', ...COLUMNS.slice(1)], lines, 2)
}

/** Markdown, one table for each hurt, with what else is to be said below it. */
export const tableOf = (rows: readonly Row[]): string =>
  [...new Set(rows.map(({ hurt }) => hurt))].map((hurt) => oneTable(hurt, rows)).join('\n\n')

function oneTable(hurt: string, all: readonly Row[]): string {
  const rows = all.filter((row) => row.hurt === hurt)
  const counted = rows.filter(({ sent, lost, lostByReplication }) => sent || lost || lostByReplication)
  const cells = counted.map((row) => [
    ...[row.requests, row.sent, row.ok, row.refused, row.unavailable, row.cutOff],
    ...[row.lost, row.lostByReplication],
  ])
  const notes = rows.flatMap(({ requests, notes }) => notes.map((note) => `- ${requests}: ${note}`))
  return [`**${hurt}**\n`, markdown(COLUMNS, cells, 1), ...(notes.length ? ['', ...notes] : [])].join('\n')
}

const markdown = (head: readonly string[], lines: readonly (readonly unknown[])[], words: number): string =>
  [head, head.map((_, at) => (at < words ? '---' : '--:')), ...lines]
    .map((cells) => `| ${cells.join(' | ')} |`)
    .join('\n')
