import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { SETTINGS } from '../server/settings.ts'

const ROOT = join(import.meta.dirname, '..')
const readme = readFileSync(join(ROOT, 'README.md'), 'utf8')
const { dependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))

const plain = (text: string): string => text.replaceAll('`', '')

test('the settings table says what the settings say', () => {
  const rows = readme.split('\n').map(plain)
  for (const { name, fallback, meaning } of Object.values(SETTINGS)) {
    expect(rows).toContain(`| ${name} | ${plain(fallback)} | ${plain(meaning)} |`)
  }
})

test('the dependency table says why each package is there', () => {
  const table = readme.slice(readme.indexOf('## Dependencies'))
  for (const name of Object.keys(dependencies)) expect(table).toContain(`\`${name}\``)
})
