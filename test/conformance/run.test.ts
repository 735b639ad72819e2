import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startOidcProvider } from './oidc-provider.ts'

let directory: string
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'conformance-'))
})
afterAll(() => rm(directory, { recursive: true }))

async function run(...words: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const script = join(import.meta.dirname, '../../conformance/run.ts')
  return new Promise((resolve) => {
    execFile(process.execPath, [script, ...words], (error, stdout, stderr) =>
      resolve({ code: error ? Number(error.code) : 0, stdout, stderr }),
    )
  })
}

async function fileOf(name: string, content: unknown): Promise<string> {
  const path = join(directory, name)
  await writeFile(path, JSON.stringify(content))
  return path
}

test('a failed MUST ends it with 1; the reports are kept, and hold no credential', { timeout: 60_000 }, async () => {
  const { issuer, profile } = await startOidcProvider()
  const [json, html] = [join(directory, 'report.json'), join(directory, 'report.html')]
  const path = await fileOf('all.json', profile)
  const { code, stdout } = await run('--issuer', issuer, '--profile', path, '--json', json, '--html', html)
  expect([code, stdout.includes('failed MUST RFC 6749 §5.1 pragma')]).toEqual([1, true])
  const kept = [stdout, await readFile(json, 'utf8'), await readFile(html, 'utf8')]
  const { private_jwk } = profile.key_client ?? {}
  const secrets = [profile.client?.client_secret, profile.other_client?.client_secret, String(private_jwk?.d)]
  for (const text of kept) for (const secret of secrets) expect(text).not.toContain(secret)
  expect(JSON.parse(kept[1] ?? '').results).toContainEqual(
    expect.objectContaining({ id: 'RFC 6749 §5.1 pragma', outcome: 'failed', seen: 'pragma: none' }),
  )
})

test('without a failed MUST it ends with 0, whatever is not offered', async () => {
  const { issuer } = await startOidcProvider({ settings: { responseTypes: ['code'] } })
  const { code, stdout } = await run('--issuer', issuer, '--profile', await fileOf('nothing.json', {}))
  expect([code, stdout.includes('No MUST failed.')]).toEqual([0, true])
})

test('misuse ends it with 2, and says how it is used', async () => {
  const wrong = await fileOf('wrong.json', { client: { client_id: 'x' }, clients: [] })
  const answers = await Promise.all([
    run(),
    run('--issuer', 'nowhere', '--profile', wrong),
    run('--issuer', 'http://localhost:9', '--profile', join(directory, 'missing.json')),
    run('--issuer', 'http://localhost:9', '--profile', wrong),
    run('--issuer', 'http://localhost:9', '--profile', await fileOf('fine.json', {})),
    run('--unknown'),
  ])
  expect(answers.map(({ code }) => code)).toEqual([2, 2, 2, 2, 2, 2])
  expect(answers[0]?.stderr).toContain('--issuer URL --profile FILE')
  expect(answers[3]?.stderr).toMatch(/client_secret/)
  expect(answers[4]?.stderr).toContain('nothing answers')
})
