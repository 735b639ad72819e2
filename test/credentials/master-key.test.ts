import { randomBytes } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { deriveMasterKeys, loadMasterKeys } from '../../server/credentials/master-key.ts'
import { SettingsError } from '../../server/settings.ts'

let directory: string
const settings = () => ({ masterKeys: [], databaseUrl: undefined, dataDir: join(directory, 'data') })
const keyFile = () => join(directory, 'data', 'master.key')

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'keycourt-'))
})
afterEach(() => rm(directory, { recursive: true }))

test('HKDF-SHA-256 with its label: as computed by another implementation', () => {
  // Python: hashlib/hmac, extract with an empty salt over 32 bytes of 0x2a, expand with info "keycourt/v1/hashing".
  const { current } = deriveMasterKeys([Buffer.alloc(32, 0x2a)])
  expect(current.hashing.export().toString('hex')).toBe(
    '2cbcb8e5085dea8d6e2097603243c5e6c81c78db7b0cca3be42706e581149469',
  )
  expect(current.id).toBe('08d5ce5e')
})

test('subkeys differ by label and by master key, and are as long as asked', () => {
  const [one, other] = deriveMasterKeys([randomBytes(32), randomBytes(32)]).all
  const derived = [one, other].flatMap((key) =>
    ['hashing', 'sealing', 'cookies'].map((label) => key?.derive(label, 40)),
  )
  expect(new Set(derived.map((bytes) => bytes?.toString('hex'))).size).toBe(6)
  expect(derived.every((bytes) => bytes?.length === 40)).toBe(true)
})

test('the first is current, a repeated one counts once, none is an error', () => {
  const [a, b] = [randomBytes(32), randomBytes(32)]
  const keys = deriveMasterKeys([a, b, a])
  expect(keys.all).toHaveLength(2)
  expect(keys.current).toBe(keys.all[0])
  expect(() => deriveMasterKeys([])).toThrow('at least one master key')
})

test('printing a master key prints nothing of it', () => {
  const bytes = randomBytes(32)
  const { current } = deriveMasterKeys([bytes])
  const printed = inspect(current, { depth: 9, showHidden: true }) + JSON.stringify(current)
  for (const part of [bytes, current.hashing.export(), current.sealing.export()]) {
    expect(printed).not.toContain(part.toString('hex').slice(0, 4).replace(/../g, '$& ').trim())
    expect(printed).not.toContain(part.toString('base64url').slice(0, 8))
  }
})

test('the setting is used, and no file is made', async () => {
  const key = randomBytes(32)
  const { current } = await loadMasterKeys({ ...settings(), masterKeys: [key] })
  expect(current.id).toBe(deriveMasterKeys([key]).current.id)
  expect(await readdir(directory)).toEqual([])
})

test('without it a key is made once, in a file and directory that only the owner can read', async () => {
  const first = await loadMasterKeys(settings())
  const second = await loadMasterKeys(settings())
  expect(second.current.id).toBe(first.current.id)
  expect((await stat(keyFile())).mode & 0o777).toBe(0o600)
  expect((await stat(join(directory, 'data'))).mode & 0o777).toBe(0o700)
  expect(await readFile(keyFile(), 'utf8')).toMatch(/^[\w-]{43}\n$/)
})

test('many first starters agree on one key and leave nothing else behind', async () => {
  const all = await Promise.all(Array.from({ length: 20 }, () => loadMasterKeys(settings())))
  expect(new Set(all.map(({ current }) => current.id)).size).toBe(1)
  expect(await readdir(join(directory, 'data'))).toEqual(['master.key'])
})

test.each([
  ['empty', ''],
  ['short', randomBytes(31).toString('base64url')],
  ['long', randomBytes(33).toString('base64url')],
  ['not base64url', `${'+'.repeat(42)}A`],
  ['cut in the middle', randomBytes(32).toString('base64url').slice(0, 20)],
])(
  'a damaged file (%s) stops the start with a sentence that does not show it, and is not replaced',
  async (_, text) => {
    await loadMasterKeys(settings())
    await writeFile(keyFile(), text)
    const error = await loadMasterKeys(settings()).catch((thrown) => thrown)
    expect(error).toBeInstanceOf(SettingsError)
    expect(error.message).toContain(`${keyFile()} is damaged`)
    if (text) expect(error.message).not.toContain(text)
    expect(await readFile(keyFile(), 'utf8')).toBe(text)
  },
)

test('with a database server the setting is required', async () => {
  const loading = loadMasterKeys({ ...settings(), databaseUrl: 'postgres://db/keycourt' })
  await expect(loading).rejects.toThrow('KC_MASTER_KEY is not set')
})
