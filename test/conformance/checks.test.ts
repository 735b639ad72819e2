import { expect, test } from 'vitest'
import { CHECKS } from '../../conformance/checks/index.ts'
import { chaptersOf } from '../../conformance/report/by-rfc.ts'

test('every check has an id of its own, that names its document and section', () => {
  const ids = CHECKS.map(({ id }) => id)
  expect(new Set(ids).size).toBe(ids.length)
  for (const { id, rfc, section } of CHECKS) {
    expect(id.startsWith(`${rfc} ${section} `)).toBe(true)
    expect(section).toMatch(/^§\d+(\.\d+)*(\(\d+\))?$/)
  }
})

test('the documents that the contract names are all there, with more than a hundred and fifty MUSTs', () => {
  const named = ['6749', '6750', '7009', '7523', '7636', '7662', '8414', '8693', '8707', '9068', '9126', '9207', '9449']
  const rfcs = [...named, '9700', '9701', '9728'].map((number) => `RFC ${number}`)
  const documents = chaptersOf(CHECKS.map((check) => ({ ...check, outcome: 'passed', seen: '' }))).map(({ rfc }) => rfc)
  expect(documents).toEqual(expect.arrayContaining(['OAuth 2.1', ...rfcs]))
  expect(CHECKS.filter(({ level }) => level === 'MUST').length).toBeGreaterThan(150)
})
