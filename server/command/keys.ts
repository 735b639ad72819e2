import { ALGS } from '../../keys/generate.ts'
import { ensureKeys, rotate } from '../../keys/rotate.ts'
import { MODES } from '../mode/mode.ts'
import { readSettings } from '../settings.ts'
import { type Command, type CommandCall, print } from './command.ts'
import { openFoundation } from './foundation.ts'

export const keys: Command = {
  usage: 'keys rotate [--mode live] [--alg ES256]',
  meaning: 'give signing keys successors: published now, signing once caches have them',
  options: { mode: { type: 'string' }, alg: { type: 'string' } },
  async run({ positionals, options, environment }) {
    if (positionals.join() !== 'rotate') throw new Error('use: keycourt keys rotate')
    const modes = chosen('mode', MODES, options)
    const algs = chosen('alg', ALGS, options)
    const foundation = await openFoundation(readSettings(environment))
    const needs = { ...foundation, database: foundation.storage.database }
    try {
      await foundation.storage.migrate()
      await ensureKeys(needs)
      for (const mode of modes) {
        for (const alg of algs) {
          const { rotated, already } = await rotate(needs, { mode, alg })
          for (const { kid, signsFrom } of rotated)
            print(`${mode} ${alg}: ${kid} signs from ${signsFrom.toISOString()}`)
          for (const waiting of already) print(`${mode} ${waiting}: a successor is waiting already`)
        }
      }
      return 0
    } finally {
      await foundation.close()
    }
  },
}

function chosen<T extends string>(name: string, all: readonly T[], options: CommandCall['options']): readonly T[] {
  const value = options[name]
  if (value === undefined) return all
  const choice = all.find((each) => each === value)
  if (!choice) throw new Error(`--${name} is "${value}"; it wants one of ${all.join(', ')}`)
  return [choice]
}
