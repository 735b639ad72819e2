// Generates the Prisma client: after `npm ci`, in the container image, and whenever the schema has changed.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { pinnedNode, ROOT } from './checkout.mjs'

const prisma = join(ROOT, 'node_modules/prisma/build/index.js')
const node = existsSync(pinnedNode()) ? pinnedNode() : process.execPath

// `npx keycourt` on a fresh checkout links it and runs this before anything is installed; the launcher does both after.
if (existsSync(prisma) || process.env.npm_lifecycle_event !== 'postinstall') generate()

function generate() {
  const { status, stdout, stderr, error } = spawnSync(node, [prisma, 'generate', '--no-hints'], {
    cwd: ROOT,
    encoding: 'utf8',
    env: {
      // Generating doesn't run the schema engine, but Prisma 7 downloads one first unless it is told of a file that exists.
      PRISMA_SCHEMA_ENGINE_BINARY: process.execPath,
      CHECKPOINT_DISABLE: '1', // no version check over the network
      ...process.env,
    },
  })
  if (status === 0) return
  process.stderr.write(`${stdout || ''}${stderr || ''}${error ? `${error.message}\n` : ''}`)
  process.exitCode = 1
}
