import { ALGS } from '../../keys/generate.ts'
import { ensureKeys, rotate } from '../../keys/rotate.ts'
import { MODES } from '../mode/mode.ts'
import { readSettings } from '../settings.ts'
import { type CommandCall, Misuse, print, type Run } from './command.ts'
import { withFoundation } from './foundation.ts'

export const rotateKeys: Run = async ({ options, environment }) => {
  const modes = chosen('mode', MODES, options)
  const algs = chosen('alg', ALGS, options)
  return withFoundation(readSettings(environment), async (foundation) => {
    const needs = { ...foundation, database: foundation.storage.database }
    await foundation.storage.migrate()
    await ensureKeys(needs)
    for (const mode of modes) {
      for (const alg of algs) {
        const { rotated, already } = await rotate(needs, { mode, alg })
        for (const { kid, signsFrom } of rotated) print(`${mode} ${alg}: ${kid} signs from ${signsFrom.toISOString()}`)
        for (const waiting of already) print(`${mode} ${waiting}: a successor is waiting already`)
      }
    }
    return 0
  })
}

function chosen<T extends string>(name: string, all: readonly T[], options: CommandCall['options']): readonly T[] {
  const value = options[name]
  if (value === undefined) return all
  const choice = all.find((each) => each === value)
  if (!choice) throw new Misuse(`--${name} is "${value}"; it wants one of ${all.join(', ')}`)
  return [choice]
}
