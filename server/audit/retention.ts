import type { Clock } from '../clock.ts'
import type { Mode } from '../mode/mode.ts'
import { type Database, inTransaction } from '../storage/database.ts'
import { type ScopedTransaction, scopeDatabase, type TenantScope } from '../tenancy/scoped-database.ts'
import { type Append, lockChain } from './append.ts'
import type { Actor } from './entry.ts'

/** The entry that says how far a chain was removed: the chain itself vouches for it, see verify.ts. */
export const TRIMMED = 'audit_log.trimmed'

/** Removes what is older than its tenant wants to keep it. */
export interface Retention {
  /** How many entries went. */
  trim(): Promise<number>
}

interface Needs {
  database: Database
  append: Append
  clock: Clock
}

const ACTOR: Actor = { type: 'system', id: 'audit-retention', name: 'Audit log retention' }

/** Entries per transaction. */
const BATCH = 2_000
const DAY = 24 * 3600_000

interface Overdue {
  readonly tenantId: string
  readonly mode: Mode
  readonly days: number
}

export function createRetention({ database, append, clock }: Needs): Retention {
  /** Chains whose first entry is old enough. One look at each first entry, however long the chains are. */
  const overdue = () => database.$queryRaw<Overdue[]>`
    SELECT head.tenant_id AS "tenantId", head.mode, COALESCE(settings.audit_retention_days, 365) AS days
    FROM audit_head head
    LEFT JOIN tenant_settings settings ON settings.tenant_id = head.tenant_id AND settings.mode = head.mode
    JOIN audit_entry first
      ON first.tenant_id = head.tenant_id AND first.mode = head.mode AND first.seq = head.removed_seq + 1
    WHERE first.at < ${new Date(clock.now())}::timestamptz - COALESCE(settings.audit_retention_days, 365) * interval '1 day'`

  /** How many went; the removal and the entry that tells of it are one. */
  const trimBatch = (scope: TenantScope, before: Date): Promise<number> =>
    inTransaction(scopeDatabase(database, scope), async (transaction) => {
      await lockChain(transaction, scope)
      const { removedSeq } = await transaction.auditHead.findFirstOrThrow()
      const old = await oldestBefore(transaction, removedSeq, before)
      const last = old.at(-1)
      // Nothing but what this left before: else a tenant at rest would have it removed and written anew for ever.
      if (!last || old.every(({ action }) => action === TRIMMED)) return 0
      await transaction.auditEntry.deleteMany({ where: { seq: { gt: removedSeq, lte: last.seq } } })
      const removed = { removedSeq: last.seq, removedHash: last.hash }
      await transaction.auditHead.updateMany({ data: removed })
      const details = { entries: old.length, before: before.toISOString(), seq: last.seq, hash: last.hash }
      const event = { action: TRIMMED, target: { type: 'tenant', id: scope.tenantId }, details }
      await append(transaction, scope, { actor: ACTOR }, event, new Date(clock.now()))
      return old.length
    })

  return {
    async trim() {
      let removed = 0
      for (const { days, ...scope } of await overdue()) {
        const before = new Date(clock.now() - days * DAY)
        for (let count = BATCH; count === BATCH; removed += count) count = await trimBatch(scope, before)
      }
      return removed
    },
  }
}

/** The chain's beginning, up to the first entry that is to stay: a chain without its middle proves nothing. */
async function oldestBefore(transaction: ScopedTransaction, removedSeq: number, before: Date) {
  const rows = await transaction.auditEntry.findMany({
    where: { seq: { gt: removedSeq } },
    select: { seq: true, at: true, hash: true, action: true },
    orderBy: { seq: 'asc' },
    take: BATCH,
  })
  const end = rows.findIndex(({ at }) => at >= before)
  return end === -1 ? rows : rows.slice(0, end)
}
