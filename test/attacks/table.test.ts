import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { ATTACKS } from './list.ts'
import { DOCUMENT, document, readSources, tagsIn, unknown, untested } from './table.ts'

const tag = (numbers: string) => `[${'attack'} ${numbers}]`

describe('the table of attacks', () => {
  const tagged = tagsIn(readSources())

  test('numbers them from 1 to 85', () => {
    expect(ATTACKS.map(({ number }) => number)).toEqual(Array.from({ length: 85 }, (_, at) => at + 1))
  })

  test('has a test, or the reason why not, for each', () => {
    expect(untested(tagged)).toEqual([])
  })

  test('has each that a title names', () => {
    expect(unknown(tagged)).toEqual([])
  })

  test('is what docs/attacks.md says: else run `node test/attacks/table.ts`', () => {
    expect(readFileSync(DOCUMENT, 'utf8')).toBe(document(tagged))
  })
})

describe('tags', () => {
  test('are read from the end of titles, whatever quotes these', () => {
    const source = [
      `test('one ${tag('1')}', () => {})`,
      `it.each([1])("two's ${tag('2, 3')}", () => {})`,
      `  \`three ${tag('4')}\`,`,
      `test('fo\\'ur ${tag('5')}', async () => {})`,
      `['not this', "five ${tag('6')}"]`,
    ].join('\n')
    expect(tagsIn({ 'test/a.test.ts': source })).toEqual([
      { path: 'test/a.test.ts', title: 'one', numbers: [1] },
      { path: 'test/a.test.ts', title: "two's", numbers: [2, 3] },
      { path: 'test/a.test.ts', title: 'three', numbers: [4] },
      { path: 'test/a.test.ts', title: "fo\\'ur", numbers: [5] },
      { path: 'test/a.test.ts', title: 'five', numbers: [6] },
    ])
  })

  test.each([
    `// ${tag('1')}`,
    `test('${tag('1')} one', () => {})`,
    `test('one ${tag('1,2')}', () => {})`,
    `test('one ${tag('1, ')}', () => {})`,
    `test('one ${tag('one')}', () => {})`,
    `test('one ${tag('1').slice(0, -1)}', () => {})`,
    `test('one ${tag('1').replace('attack', 'attacks')}', () => {})`,
  ])('anywhere else are a mistake: %s', (source) => {
    expect(() => tagsIn({ 'test/a.test.ts': source })).toThrow('test/a.test.ts')
  })

  test('of an attack that there is not, and attacks without a test or a reason, are told', () => {
    const attacks = ATTACKS.slice(0, 3).map((attack) =>
      attack.number === 2 ? { ...attack, notApplicable: 'there is none' } : attack,
    )
    const found = tagsIn({ 'test/a.test.ts': `test('one ${tag('1, 4')}')` })
    expect(untested(found, attacks)).toEqual([3])
    expect(unknown(found, attacks)).toEqual(found)
    const text = document(found, attacks)
    expect(text).toContain('[a.test.ts](../test/a.test.ts): one |')
    const nameless = tagsIn({ 'test/a.test.ts': `test('%s ${tag('1')}')` })
    expect(document(nameless, attacks)).toContain('| [a.test.ts](../test/a.test.ts) |')
    expect(text).toContain('| Not here: there is none |')
    expect(text).toContain('**nothing yet**')
  })
})
