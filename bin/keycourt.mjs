#!/usr/bin/env node
// `keycourt <command>` on a checkout, however fresh. The working directory stays the caller's: KC_DATA_DIR is relative to it.
import { join } from 'node:path'
import { makeReady, pinnedNode, ROOT } from './checkout.mjs'
import { endLike, endWith, run, WITH_CHANNEL } from './run.mjs'

const main = join(ROOT, 'server/command/main.ts')

makeReady()
  .then(() => run(pinnedNode(), [main, ...process.argv.slice(2)], WITH_CHANNEL))
  .then(endLike, endWith)
