import { expect, test } from 'vitest'
import { createMask } from '../../conformance/acting/mask.ts'
import { htmlReport } from '../../conformance/report/html.ts'
import { table } from '../../conformance/report/table.ts'
import type { Report, Result } from '../../conformance/run-checks.ts'

const result = (change: Partial<Result>): Result => ({
  ...{ id: 'RFC 6749 §5.1 json', rfc: 'RFC 6749', section: '§5.1', level: 'MUST' },
  ...{ title: 'The answer is JSON', outcome: 'passed', seen: 'application/json', ...change },
})

const reportOf = (...results: Result[]): Report => ({
  issuer: 'https://as.example',
  at: '2026-01-01T00:00:00Z',
  results,
})

test('the table counts by document, and says of what failed where and what was seen', () => {
  const failed = result({ id: 'RFC 7009 §2.2 unknown', rfc: 'RFC 7009', outcome: 'failed', seen: '400 invalid_token' })
  const text = table(reportOf(result({}), result({ outcome: 'not offered' }), failed))
  expect(text).toMatch(/RFC 6749 +1 +0 +1\n/)
  expect(text).toMatch(/RFC 7009 +0 +1 +0\n +failed MUST RFC 7009 §2.2 unknown.*\n +seen: 400 invalid_token/)
  expect(text).toContain('1 MUST failed.')
})

test('only a MUST makes a verdict', () => {
  expect(table(reportOf(result({ level: 'SHOULD', outcome: 'failed' })))).toContain('No MUST failed.')
})

test('the page holds what a server said as text, and nothing from elsewhere', () => {
  const nasty = `<script>alert(1)</script>"'&<img src=x>`
  const page = htmlReport({
    ...reportOf(result({ seen: nasty, outcome: 'failed' })),
    issuer: `https://as.example/${nasty}`,
  })
  expect(page).not.toMatch(/<script|<img/)
  expect(page).toContain('&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;&amp;')
  expect(page).not.toMatch(/(src|href)="|url\(|@import/)
  expect(page).toContain('prefers-color-scheme: dark')
})

test('what is masked is masked in full, however it is written', () => {
  const mask = createMask()
  for (const secret of ['a secret+thing', 'a secret+thing that is longer', 'short']) mask.remember(secret)
  const text = 'a secret+thing that is longer, a%20secret%2Bthing, short'
  expect(mask.apply(text)).toBe('***, ***, short')
})
