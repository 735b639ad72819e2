import { describeSettings } from '../settings.ts'
import { print, type Run } from './command.ts'

export const config: Run = async ({ environment }) => {
  for (const { name, value, origin } of describeSettings(environment)) print(`${name}=${value}  # ${origin}`)
  return 0
}
