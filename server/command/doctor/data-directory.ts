import { access, constants, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Settings } from '../../settings.ts'
import { type Finding, fail, ok } from './finding.ts'

/** What in the data directory is for its owner's eyes only. */
const SECRET_FILES = ['master.key', 'bootstrap.json']

export async function checkDataDirectory({ dataDir }: Pick<Settings, 'dataDir'>): Promise<Finding[]> {
  const topic = 'data directory'
  const directory = await stat(dataDir).catch(() => undefined)
  if (!directory) return [ok(topic, `${dataDir} is not there yet: the first start makes it`)]
  if (!directory.isDirectory()) return [fail(topic, `${dataDir} is a file`, 'remove it, or choose another KC_DATA_DIR')]
  const writable = await access(dataDir, constants.R_OK | constants.W_OK | constants.X_OK).then(
    () => true,
    () => false,
  )
  if (!writable) {
    return [fail(topic, `${dataDir} is not writable by this user`, `run as its owner, or: chown $(id -u) ${dataDir}`)]
  }
  const files = await Promise.all(SECRET_FILES.map((name) => checkMode(join(dataDir, name), 0o600)))
  return [await checkMode(dataDir, 0o700), ...files].flatMap((finding) => finding ?? [])
}

/** Undefined if it isn't there. Windows keeps access elsewhere. */
async function checkMode(path: string, wanted: number): Promise<Finding | undefined> {
  const found = await stat(path).catch(() => undefined)
  if (!found || process.platform === 'win32') return undefined
  const mode = found.mode & 0o777
  const octal = (bits: number) => bits.toString(8).padStart(4, '0')
  if ((mode & ~wanted) === 0) return ok('data directory', `${path} is for its owner alone (${octal(mode)})`)
  const seen = `${path} is open to others (${octal(mode)})`
  return fail('data directory', seen, `chmod ${octal(wanted)} ${path}`)
}
