import { readFileSync } from 'node:fs'
import { join } from 'node:path'

export const STYLE = '/sign-in/style.css'
export const PASSKEY_SCRIPT = '/sign-in/passkey.js'

export interface StaticFile {
  readonly type: string
  readonly body: string
}

const file = (name: string, type: string): StaticFile => ({
  type: `${type}; charset=utf-8`,
  body: readFileSync(join(import.meta.dirname, name), 'utf8'),
})

/** What the pages load, by path. Read once: a file that is missing stops the start, not a sign-in. */
export const STATIC_FILES: ReadonlyMap<string, StaticFile> = new Map([
  [STYLE, file('style.css', 'text/css')],
  [PASSKEY_SCRIPT, file('passkey.js', 'text/javascript')],
])
