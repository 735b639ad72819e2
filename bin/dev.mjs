// `node bin/dev.mjs <script> [arguments]`: installs what developers need, then runs a script with the pinned Node.
import { makeReady, pinnedNode, ROOT } from './checkout.mjs'
import { endLike, endWith, run } from './run.mjs'

makeReady({ dev: true })
  .then(() => run(pinnedNode(), process.argv.slice(2), { cwd: ROOT }))
  .then(endLike, endWith)
