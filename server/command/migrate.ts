import { readSettings } from '../settings.ts'
import { print, type Run } from './command.ts'
import { withFoundation } from './foundation.ts'

export const migrate: Run = ({ environment }) =>
  withFoundation(readSettings(environment), async ({ storage }) => {
    const applied = await storage.migrate()
    for (const name of applied) print(`applied ${name}`)
    if (!applied.length) print('the database is up to date')
    return 0
  })
