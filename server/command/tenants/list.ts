import { readSettings } from '../../settings.ts'
import { print, type Run } from '../command.ts'
import { withFoundation } from '../foundation.ts'
import { securityInWords } from './words.ts'

export const listTenants: Run = ({ environment }) =>
  withFoundation(readSettings(environment), async ({ storage }) => {
    await storage.migrate()
    const tenants = await storage.database.tenant.findMany({ orderBy: { name: 'asc' } })
    const width = Math.max(0, ...tenants.map(({ name }) => name.length))
    for (const { name, plan, status, createdAt, ...security } of tenants) {
      const since = createdAt.toISOString().slice(0, 10)
      print(
        [name.padEnd(width), plan.padEnd(10), status.padEnd(9), since, securityInWords(security)].join('  ').trimEnd(),
      )
    }
    return 0
  })
