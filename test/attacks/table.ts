import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ATTACKS, type Attack, GROUPS } from './list.ts'

// `node test/attacks/table.ts` writes docs/attacks.md from the titles of the tests.

const ROOT = join(import.meta.dirname, '../..')
export const DOCUMENT = join(ROOT, 'docs/attacks.md')

/** Path, relative to the repository, and text of each. */
export type Sources = Readonly<Record<string, string>>

export interface Tagged {
  readonly path: string
  readonly title: string
  readonly numbers: readonly number[]
}

export function readSources(): Sources {
  const paths = ['test', 'conformance', 'bench'].flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
      .filter((path) => path.endsWith('.ts'))
      .map((path) => `${folder}/${path}`),
  )
  return Object.fromEntries(paths.sort().map((path) => [path, readFileSync(join(ROOT, path), 'utf8')]))
}

// A class, so that this file holds no tag itself.
const TAG = /[[]attacks?\b[^\]\n]*\]?/g
const WELL_FORMED = /^[[]attack (\d+(?:, \d+)*)\]$/

/** Titles that end with a tag. A tag anywhere else would be found by nobody who runs `-t "attack 7\b"`: it throws. */
export function tagsIn(sources: Sources): Tagged[] {
  return Object.entries(sources).flatMap(([path, text]) =>
    [...text.matchAll(TAG)].map(({ 0: tag, index }) => {
      const numbers = WELL_FORMED.exec(tag)?.[1]?.split(', ').map(Number)
      const quote = text[index + tag.length] ?? ''
      const line = text.slice(text.lastIndexOf('\n', index) + 1, index)
      const start = openingOf(line, quote)
      if (!numbers || start === -1) throw new Error(`${path}: ${line}${tag} is no title that ends with its tag`)
      return { path, numbers, title: line.slice(start + 1).trim() }
    }),
  )
}

/** Of the string literal that `line` breaks off in, if it is quoted by `quote`. */
function openingOf(line: string, quote: string): number {
  if (!['"', "'", '`'].includes(quote)) return -1
  let at = line.length
  do at = line.lastIndexOf(quote, at - 1)
  while (at > 0 && line[at - 1] === '\\')
  return at
}

/** Numbers that no test carries and no reason excuses. */
export function untested(tagged: readonly Tagged[], attacks: readonly Attack[] = ATTACKS): number[] {
  const tested = new Set(tagged.flatMap(({ numbers }) => numbers))
  return attacks
    .filter(({ number, notApplicable }) => !notApplicable && !tested.has(number))
    .map(({ number }) => number)
}

export const unknown = (tagged: readonly Tagged[], attacks: readonly Attack[] = ATTACKS): Tagged[] =>
  tagged.filter(({ numbers }) => numbers.some((tag) => !attacks.some(({ number }) => number === tag)))

const INTRODUCTION = `# Attacks

What is tried against authorization servers, and the tests that try it against a running Keycourt. A test's title ends with the numbers of
the attacks it belongs to: \`npm test -- -t "attack.*\\b30\\b"\` runs those of number 30. This page is written by \`node test/attacks/table.ts\`;
\`test/attacks/table.test.ts\` fails when it is out of date, or when an attack has neither a test nor a reason.
`

export function document(tagged: readonly Tagged[], attacks: readonly Attack[] = ATTACKS): string {
  const tables = GROUPS.map((group) => {
    const rows = attacks
      .filter((attack) => attack.group === group)
      .map((attack) => `| ${attack.number} | ${cell(attack.attack)} | ${whereIs(attack, tagged)} |`)
    return `\n## ${group}\n\n| # | sent → must happen | tested by |\n| --- | --- | --- |\n${rows.join('\n')}\n`
  })
  return INTRODUCTION + tables.join('')
}

function whereIs({ number, notApplicable }: Attack, tagged: readonly Tagged[]): string {
  const mine = tagged.filter(({ numbers }) => numbers.includes(number))
  const files = [...new Set(mine.map(({ path }) => path))].map((path) => {
    const titles = new Set(mine.filter((test) => test.path === path).map(({ title }) => cell(short(title))))
    const telling = [...titles].filter((title) => /\p{L}/u.test(title))
    return [`[${path.replace(/^test\//, '')}](../${path})`, telling.join('; ')].filter(Boolean).join(': ')
  })
  if (notApplicable) files.push(`Not here: ${cell(notApplicable)}`)
  return files.join('<br>') || '**nothing yet**'
}

const LONGEST = 100

/** What a test fills in per row or by a variable is left out, and so are the escapes of its quotes. */
function short(title: string): string {
  const plain = title.replace(/\$\{[^}]*\}|%[sdifjop]|\$\w+/g, '…').replace(/\\(['"`\\])/g, '$1')
  return plain.length > LONGEST ? `${plain.slice(0, LONGEST).trimEnd()}…` : plain
}

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('<', '&lt;').replaceAll('\n', ' ')

if (import.meta.main) writeFileSync(DOCUMENT, document(tagsIn(readSources())))
