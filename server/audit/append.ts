import type { ScopedTransaction, TenantScope } from '../tenancy/scoped-database.ts'
import { enqueueMessages } from '../webhooks/messages.ts'
import { CHAIN_START, type Chain } from './chain.ts'
import { type AuditEvent, entryOf, type Origin } from './entry.ts'

type AuditTables = Pick<ScopedTransaction, 'auditEntry' | 'auditHead' | 'webhook' | 'webhookMessage'>

/** Appends to the chain of the tenant and mode, whose head stays locked until the transaction ends. */
export type Append = (
  transaction: AuditTables,
  scope: TenantScope,
  origin: Origin,
  event: AuditEvent,
  at: Date,
) => Promise<void>

export const createAppend =
  (chain: Chain): Append =>
  async (transaction, scope, origin, event, at) => {
    const { seq, hash: previous } = await nextHead(transaction, scope)
    const entry = { ...entryOf(scope, origin, event, at), seq }
    const link = chain.link(previous, entry)
    await transaction.auditEntry.create({ data: { ...entry, details: entry.details as object, previous, ...link } })
    await transaction.auditHead.updateMany({ where: scope, data: { hash: link.hash } })
    await enqueueMessages(transaction, entry)
  }

/**
 * Changes of a tenant in a mode are made one after the other, because their entries are: waiting before the work and not
 * after it, none has looked at what another is about to change, nor holds a row that it waits for.
 */
export async function lockChain(transaction: AuditTables, scope: TenantScope): Promise<void> {
  const lock = () => transaction.auditHead.updateMany({ where: scope, data: { seq: { increment: 0 } } })
  if ((await lock()).count) return
  await transaction.auditHead.createMany({ data: [{ ...scope, seq: 0, hash: CHAIN_START }], skipDuplicates: true })
  await lock()
}

/** A chain without entries is none. */
export const dropEmptyChain = (transaction: AuditTables, scope: TenantScope) =>
  transaction.auditHead.deleteMany({ where: { ...scope, seq: 0 } })

/** Incrementing takes the row's lock: entries of one chain are written one after the other. */
async function nextHead(transaction: AuditTables, scope: TenantScope): Promise<{ seq: number; hash: string }> {
  await transaction.auditHead.createMany({ data: [{ ...scope, seq: 0, hash: CHAIN_START }], skipDuplicates: true })
  const [head] = await transaction.auditHead.updateManyAndReturn({ where: scope, data: { seq: { increment: 1 } } })
  if (!head) throw new Error('the audit chain has no head')
  return head
}
