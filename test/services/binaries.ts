import { execFileSync } from 'node:child_process'
import { accessSync, constants, readdirSync } from 'node:fs'
import { delimiter, join } from 'node:path'

/** The programs that tests run against, as paths. */
export interface Binaries {
  readonly redisServer: string
  readonly redisCli: string
  readonly initdb: string
  readonly postgres: string
}

const PACKAGES = ['redis-server', 'postgresql']

/** Finds the real servers, or installs them from the distribution. @throws {Error} a sentence that says what to install. */
export function ensureBinaries(): Binaries {
  const found = findBinaries()
  if (found) return found
  install(PACKAGES)
  const installed = findBinaries()
  if (!installed)
    throw new Error(`${PACKAGES.join(' and ')} were installed, but their programs are nowhere to be found.`)
  return installed
}

export function findBinaries(): Binaries | undefined {
  const onPath = (process.env.PATH ?? '').split(delimiter)
  const redisServer = find(onPath, 'redis-server') ?? find(onPath, 'valkey-server')
  const redisCli = find(onPath, 'redis-cli') ?? find(onPath, 'valkey-cli')
  // Debian keeps PostgreSQL's servers off the PATH, a directory per version.
  const postgresDirs = [...debianPostgres(), ...onPath]
  const initdb = find(postgresDirs, 'initdb')
  const postgres = find(postgresDirs, 'postgres')
  return redisServer && redisCli && initdb && postgres ? { redisServer, redisCli, initdb, postgres } : undefined
}

/** @throws {Error} a sentence that says what to install. */
function install(packages: readonly string[]): void {
  const root = process.getuid?.() === 0
  const [command, ...prefix] = root ? ['apt-get'] : ['sudo', '-n', 'apt-get']
  const aptGet = (...args: string[]) =>
    execFileSync(command as string, [...prefix, ...args], {
      stdio: ['ignore', 'ignore', 'inherit'],
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    })
  try {
    console.error(`Installing ${packages.join(' and ')} for the tests …`)
    aptGet('update', '-qq')
    aptGet('install', '-y', '-qq', '--no-install-recommends', ...packages)
  } catch (cause) {
    throw new Error(
      `The tests need ${packages.join(' and ')}, and installing failed. Install it yourself, then run the tests again.`,
      { cause },
    )
  }
}

const find = (directories: readonly string[], program: string): string | undefined =>
  directories.map((directory) => join(directory, program)).find(isExecutable)

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

function debianPostgres(base = '/usr/lib/postgresql'): string[] {
  try {
    const newestFirst = readdirSync(base).sort((a, b) => Number(b) - Number(a))
    return newestFirst.map((version) => join(base, version, 'bin'))
  } catch {
    return []
  }
}

const CHROMIUM = ['chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome']

/** Finds a Chromium, or installs the distribution's. @throws {Error} a sentence that says what to install. */
export function ensureChromium(): string {
  const found = findChromium()
  if (found) return found
  install(['chromium'])
  const installed = findChromium()
  if (!installed) throw new Error('chromium was installed, but its program is nowhere to be found.')
  return installed
}

function findChromium(): string | undefined {
  const onPath = (process.env.PATH ?? '').split(delimiter)
  return CHROMIUM.map((name) => find(onPath, name)).find(Boolean)
}
