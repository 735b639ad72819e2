import { describeSettings } from '../settings.ts'
import { type Command, print } from './command.ts'

export const config: Command = {
  usage: 'config',
  meaning: 'print the effective settings, secrets masked',
  async run({ environment }) {
    for (const { name, value, origin } of describeSettings(environment)) print(`${name}=${value}  # ${origin}`)
    return 0
  },
}
