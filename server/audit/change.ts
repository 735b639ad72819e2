import type { Clock } from '../clock.ts'
import { MODES, type Mode } from '../mode/mode.ts'
import { type Database, inTransaction } from '../storage/database.ts'
import type { StateStore } from '../storage/state-store.ts'
import {
  type ScopedTransaction,
  scopeDatabase,
  type TenantScope,
  type WholeTenant,
} from '../tenancy/scoped-database.ts'
import { type Append, dropEmptyChain, lockChain } from './append.ts'
import type { AuditEvent, Origin } from './entry.ts'

/** What a change leaves behind besides its rows. */
export interface Outcome<T> {
  readonly result: T
  /** None: nothing was changed, and nothing is written. */
  readonly events: readonly AuditEvent[]
  /** Whose copies on all nodes are now old; `kill`: and whose tokens are now dead. */
  readonly moved?: readonly Movement[]
}

export interface Movement {
  readonly ref: string
  readonly kill: boolean
}

/**
 * The one way to change anything of a tenant: the change, its audit entries and the new standings commit together.
 * What is changed for the whole tenant has an entry in the log of either mode.
 */
export type Change = <T>(
  scope: TenantScope | WholeTenant,
  origin: Origin,
  work: (transaction: ScopedTransaction) => Promise<Outcome<T>>,
) => Promise<T>

interface Needs {
  database: Database
  state: Record<Mode, Pick<StateStore, 'forgetStandings' | 'raiseStandings'>>
  clock: Clock
  append: Append
}

/**
 * Order matters. Copies of the standings in the hot store are dropped before the commit, so that a crash right after
 * it leaves none that says the old; and raised after it, before the caller hears of success, so that no other node
 * answers by the old from then on. A hot store that is away stops the change before it is made.
 */
export const createChange =
  ({ database, state, clock, append }: Needs): Change =>
  async (scope, origin, work) => {
    const modes = 'mode' in scope ? [scope.mode] : MODES
    const scoped = scopeDatabase(database, scope)
    const { result, standings } = await inTransaction(scoped, async (transaction) => {
      for (const mode of modes) await lockChain(transaction, { tenantId: scope.tenantId, mode })
      const { result, events, moved = [] } = await work(transaction)
      if (!events.length)
        for (const mode of modes) await dropEmptyChain(transaction, { tenantId: scope.tenantId, mode })
      const standings: MovedStanding[] = []
      for (const movement of inOrder(moved)) standings.push(await move(transaction, movement))
      const at = new Date(clock.now())
      for (const mode of modes) {
        for (const event of events) await append(transaction, { tenantId: scope.tenantId, mode }, origin, event, at)
      }
      for (const [hot, moved] of byMode(standings)) await hot.forgetStandings(moved.map(({ ref }) => ref))
      return { result, standings }
    })
    for (const [hot, moved] of byMode(standings)) await hot.raiseStandings(moved)
    return result

    function byMode(standings: readonly MovedStanding[]) {
      return MODES.flatMap((mode) => {
        const moved = standings.flatMap(({ mode: its, ...standing }) => (its === mode ? standing : []))
        return moved.length ? [[state[mode], moved] as const] : []
      })
    }
  }

/** Always the same, so that two changes with several in common wait for each other, and never crosswise. */
const inOrder = (moved: readonly Movement[]) => [...moved].sort((a, b) => (a.ref < b.ref ? -1 : 1))

type MovedStanding = Awaited<ReturnType<typeof move>>

const move = (transaction: ScopedTransaction, { ref, kill }: Movement) =>
  transaction.standing.update({
    where: { ref },
    data: { version: { increment: 1 }, ...(kill && { epoch: { increment: 1 } }) },
    select: { ref: true, version: true, epoch: true, mode: true },
  })
