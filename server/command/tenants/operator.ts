import { userInfo } from 'node:os'
import { createAppend } from '../../audit/append.ts'
import { createChain } from '../../audit/chain.ts'
import { createChange } from '../../audit/change.ts'
import type { Actor } from '../../audit/entry.ts'
import { systemClock } from '../../clock.ts'
import { readSettings } from '../../settings.ts'
import { changeTenant, type Operated, type WishedTenant } from '../../tenancy/operate.ts'
import type { CommandCall } from '../command.ts'
import { withFoundation } from '../foundation.ts'

/** Whoever is logged in at the machine: the log then tells two operators apart. */
export const operator = (): Actor => ({ type: 'operator', id: 'command_line', name: userName() })

/** A container's user may have no name. */
function userName(): string {
  try {
    return userInfo().username
  } catch {
    return 'operator'
  }
}

/** Changes a tenant for all nodes that run. @throws {Error} if there is no such tenant */
export const operate = (
  { operands, environment }: CommandCall,
  wished: WishedTenant,
): Promise<{ name: string; now: Operated }> =>
  withFoundation(readSettings(environment), async (foundation) => {
    const { storage } = foundation
    await storage.migrate()
    const name = operands.NAME as string
    const tenant = await storage.database.tenant.findUnique({ where: { name }, select: { id: true } })
    if (!tenant) throw new Error(`There is no tenant "${name}"; \`keycourt tenants list\` shows those that there are.`)
    const scope = { tenantId: tenant.id }
    const append = createAppend(createChain(foundation.masterKeys))
    const change = createChange({ database: storage.database, state: storage.state, clock: systemClock, append })
    const now = await change(scope, { actor: operator() }, (transaction) => changeTenant(transaction, scope, wished))
    return { name, now }
  })
