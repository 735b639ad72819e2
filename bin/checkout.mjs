// Makes a checkout runnable. Nothing is installed yet when this runs, so it is plain JavaScript for Node 18 and later.
import { existsSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { run } from './run.mjs'

export const ROOT = fileURLToPath(new URL('..', import.meta.url))

const WINDOWS = process.platform === 'win32'

/** The Node that package.json pins, whichever one the caller has. */
export const pinnedNode = (root = ROOT) => join(root, 'node_modules/node/bin', WINDOWS ? 'node.exe' : 'node')

/** Installs what is missing or out of date, and nothing else. With `dev` also what tests and checks need. */
export async function makeReady({ dev = false } = {}) {
  const installing = dependenciesAreStale(ROOT, dev)
  if (installing) {
    say('installing dependencies …')
    // Without scripts: Prisma's refuse older Nodes and fetch an engine that isn't used here.
    await npm('ci', '--ignore-scripts', '--no-audit', '--no-fund', ...(dev ? ['--include=dev'] : []))
  }
  if (!existsSync(pinnedNode())) {
    say('installing Node …')
    await installNode()
  }
  if (installing || clientIsStale(ROOT)) {
    say('generating the database client …')
    await succeed(pinnedNode(), [join(ROOT, 'bin/prepare.mjs')])
  }
}

/**
 * The `node` package fetches the build for this platform in its own install script, which has been seen to end well
 * without having fetched it.
 */
async function installNode() {
  for (let attempt = 1; attempt <= 3; attempt++) {
    await npm('rebuild', 'node', '--ignore-scripts=false')
    if (existsSync(pinnedNode())) return
  }
  throw new Error('the pinned Node could not be installed: see what npm says above')
}

/** npm writes node_modules/.package-lock.json last, so that an interrupted installation counts as none. */
export const dependenciesAreStale = (root, dev) =>
  isOlder(join(root, 'node_modules/.package-lock.json'), join(root, 'package-lock.json')) ||
  (dev && !existsSync(join(root, 'node_modules/vitest')))

export const clientIsStale = (root) =>
  isOlder(join(root, 'prisma/generated/client.ts'), join(root, 'prisma/schema.prisma'))

const isOlder = (made, source) => !existsSync(made) || statSync(made).mtimeMs < statSync(source).mtimeMs

function npm(...args) {
  const npmCli = process.env.npm_execpath || ''
  const quiet = [...args, '--loglevel=error']
  // The npm that started this, if one did; pnpm and yarn set the same variable.
  if (basename(npmCli) === 'npm-cli.js') return succeed(process.execPath, [npmCli, ...quiet])
  return succeed('npm', quiet, { shell: WINDOWS })
}

/** Standard output stays the command's own: what is said while installing goes to standard error. */
async function succeed(program, args, options) {
  const { code, signal } = await run(program, args, { cwd: ROOT, stdio: ['ignore', 2, 2], ...options })
  if (code === 0) return
  const what = `${basename(program)} ${args.map((arg) => basename(arg)).join(' ')}`
  throw Object.assign(new Error(`"${what}" ended with ${signal || code}`), { exitCode: code || 1 })
}

const say = (doing) => process.stderr.write(`keycourt: ${doing}\n`)
