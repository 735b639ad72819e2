import { readSettings } from '../settings.ts'
import { type Command, print } from './command.ts'
import { openFoundation } from './foundation.ts'

export const migrateCommand: Command = {
  usage: 'migrate',
  meaning: 'bring the database up to date (start does it too)',
  async run({ environment }) {
    const foundation = await openFoundation(readSettings(environment))
    try {
      const applied = await foundation.storage.migrate()
      for (const name of applied) print(`applied ${name}`)
      if (!applied.length) print('the database is up to date')
      return 0
    } finally {
      await foundation.close()
    }
  },
}
