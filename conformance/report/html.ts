import { isFailedMust, type Report, type Result } from '../run-checks.ts'
import { type Chapter, chaptersOf, countsOf } from './by-rfc.ts'
import { STYLE } from './style.ts'

/** A page that needs nothing else: no script, nothing fetched. What a server said is text here, whatever it said. */
export function htmlReport({ issuer, at, results }: Report): string {
  const { passed, failed, 'not offered': notOffered } = countsOf(results)
  const musts = results.filter(isFailedMust).length
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="color-scheme" content="light dark">
<title>Conformance of ${escaped(issuer)}</title>
<style>${STYLE}</style>
<h1>Conformance of <code>${escaped(issuer)}</code></h1>
<p class="${musts ? 'failed' : 'passed'}">${musts ? `${musts} MUST failed` : 'No MUST failed'}</p>
<p>${passed} passed, ${failed} failed, ${notOffered} not offered, of ${results.length} checks. <time datetime="${escaped(at)}">${escaped(at)}</time></p>
${chaptersOf(results).map(chapter).join('\n')}
</html>
`
}

const COLUMNS = ['Outcome', 'Level', 'Section', 'Requirement', 'Seen']

const chapter = ({ rfc, results, counts }: Chapter): string => `<details${counts.failed ? ' open' : ''}>
<summary><h2>${escaped(rfc)}</h2> ${counts.passed} passed, <span${counts.failed ? ' class="failed"' : ''}>${counts.failed} failed</span>, ${counts['not offered']} not offered</summary>
<div class="scroll"><table>
<thead><tr>${COLUMNS.map((name) => `<th scope="col">${name}`).join('')}</thead>
<tbody>
${results.map(row).join('\n')}
</tbody></table></div>
</details>`

const row = ({ id, rfc, outcome, level, title, seen }: Result): string =>
  `<tr class="${outcome.replace(' ', '-')}" id="${escaped(id.replaceAll(' ', '-'))}"><td>${outcome}<td>${level}<td>${escaped(id.slice(rfc.length + 1))}<td>${escaped(title)}<td>${escaped(seen)}`

const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }

const escaped = (text: string): string => text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? '')
