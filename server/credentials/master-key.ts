import { createSecretKey, hash, hkdfSync, type KeyObject, randomBytes } from 'node:crypto'
import { chmod, constants, copyFile, link, mkdir, open, readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type Settings, SettingsError } from '../settings.ts'

/**
 * One 32-byte secret from which all others come (HKDF-SHA-256, RFC 5869), each by its own label, so that none tells
 * anything about another. The bytes themselves are held by `derive` alone and print nowhere.
 */
export interface MasterKey {
  /** Eight hex digits, stored beside what this key hashed or sealed. Reveals nothing of it. */
  readonly id: string
  readonly hashing: KeyObject
  readonly sealing: KeyObject
  /** @param length in bytes */
  derive(label: string, length: number): Buffer
}

/** The first key hashes and seals; all of them still recognise and open. */
export interface MasterKeys {
  readonly current: MasterKey
  readonly all: readonly MasterKey[]
}

const LENGTH = 32

/** @param keys 32 bytes each, the current one first. @throws if there is none. */
export function deriveMasterKeys(keys: readonly Buffer[]): MasterKeys {
  const distinct = keys.filter((key, at) => keys.findIndex((other) => other.equals(key)) === at)
  const all = distinct.map(deriveMasterKey)
  const [current] = all
  if (!current) throw new Error('at least one master key is needed')
  return { current, all }
}

function deriveMasterKey(bytes: Buffer): MasterKey {
  const derive = (label: string, length: number) =>
    Buffer.from(hkdfSync('sha256', bytes, '', `keycourt/v1/${label}`, length))
  return {
    id: hash('sha256', derive('id', LENGTH)).slice(0, 8),
    hashing: createSecretKey(derive('hashing', LENGTH)),
    sealing: createSecretKey(derive('sealing', LENGTH)),
    derive,
  }
}

/**
 * From the setting; else from `master.key` in the data directory, made on the first run.
 * To rotate on several nodes: first `old,new` everywhere (all can open), then `new,old`, then `new` alone.
 * @throws {SettingsError} with a sentence for the operator.
 */
export async function loadMasterKeys(
  settings: Pick<Settings, 'masterKeys' | 'databaseUrl' | 'dataDir'>,
): Promise<MasterKeys> {
  if (settings.masterKeys.length) return deriveMasterKeys(settings.masterKeys)
  // A key in one node's directory would make what that node hashed and sealed useless to all others.
  if (settings.databaseUrl) throw new SettingsError('KC_MASTER_KEY is not set; it is required with DATABASE_URL.')
  await makeDataDir(settings.dataDir)
  const path = join(settings.dataDir, 'master.key')
  const text = (await readIfThere(path)) ?? (await create(settings.dataDir, path))
  return deriveMasterKeys([parse(text, path)])
}

/** Mode 0700. A directory that was there and holds files keeps its mode: it may be someone else's too. */
export async function makeDataDir(dataDir: string): Promise<void> {
  await mkdir(dataDir, { recursive: true, mode: 0o700 })
  if ((await readdir(dataDir)).length === 0) await chmod(dataDir, 0o700)
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') return undefined
    throw new SettingsError(`The master key in ${path} can't be read (${code}).`, { cause: error })
  }
}

/** Of any number of first starters one wins and all use its key: a link never replaces what is there. */
async function create(dataDir: string, path: string): Promise<string> {
  const draft = `${path}.${randomBytes(6).toString('hex')}`
  try {
    await writeDurably(draft, `${randomBytes(LENGTH).toString('base64url')}\n`)
    await link(draft, path).catch((error: NodeJS.ErrnoException) => {
      // Some file systems have no hard links; there two first starters at the same instant are not told apart.
      if (error.code !== 'EEXIST') return copyFile(draft, path, constants.COPYFILE_EXCL)
    })
    await syncDirectory(dataDir)
  } finally {
    await rm(draft, { force: true })
  }
  return readFile(path, 'utf8')
}

async function writeDurably(path: string, text: string): Promise<void> {
  const file = await open(path, 'wx', 0o600)
  try {
    await file.writeFile(text)
    await file.sync()
  } finally {
    await file.close()
  }
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r')
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}

function parse(text: string, path: string): Buffer {
  const bytes = Buffer.from(text.trim(), 'base64url')
  if (bytes.length === LENGTH && bytes.toString('base64url') === text.trim()) return bytes
  throw new SettingsError(
    `The master key in ${path} is damaged: it wants 32 bytes in base64url. Restore the file from a backup; ` +
      'without it no stored credential can be recognised and no signing key opened.',
  )
}
