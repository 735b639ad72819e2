import { globSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { CHECKS } from '../../conformance/checks/index.ts'
import { readProfile } from '../../conformance/profile.ts'

const root = join(import.meta.dirname, '../..')
const read = (path: string) => readFile(join(root, path), 'utf8')
const filesIn = (pattern: string) => globSync(pattern, { cwd: root })

test('the README counts the checks of each document', async () => {
  const rows = [...(await read('conformance/README.md')).matchAll(/^\| ([^|]+) \| (\d+) \| (\d+) \|/gm)]
  const counted = rows.map(([, rfc, checks, musts]) => [rfc, Number(checks), Number(musts)])
  const chapters = [...Map.groupBy(CHECKS, ({ rfc }) => rfc)]
  expect(counted).toEqual(
    chapters.map(([rfc, checks]) => [rfc, checks.length, checks.filter(({ level }) => level === 'MUST').length]),
  )
})

test("the README's profile is one", async () => {
  const [, json = ''] = /```json\n([\s\S]*?)```/.exec(await read('conformance/README.md')) ?? []
  expect(readProfile(JSON.parse(json))).toHaveProperty('profile')
})

test('the suite imports nothing of the server', async () => {
  const files = filesIn('conformance/**/*.ts')
  expect(files.length).toBeGreaterThan(40)
  for (const file of files) {
    const imported = [...(await read(file)).matchAll(/from '([^']+)'/g)].map(([, from = '']) => from)
    const foreign = imported.filter((from) => !/^(node:|jose$|zod$)/.test(from))
    for (const from of foreign) expect(join(file, '..', from)).toMatch(/^conformance\//)
  }
})

test("each configuration for the OpenID Foundation's suite is JSON, named in the page on it, and holds no credential", async () => {
  const page = await read('docs/openid-conformance.md')
  const files = filesIn('conformance/openid-foundation/*.json')
  expect(files).toHaveLength(3)
  for (const file of files) {
    const text = await read(file)
    expect(page).toContain(file.split('/').at(-1))
    expect(JSON.parse(text).server.discoveryUrl).toMatch(/^https:\/\/auth\.example\.com\/\.well-known\//)
    expect(text).not.toMatch(/"(d|client_secret)": "[^"]/)
  }
})
