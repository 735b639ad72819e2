import type { Mode } from '../mode/mode.ts'
import { Prisma, type Transaction } from '../storage/database.ts'
import { enqueueMessages } from '../webhooks/messages.ts'
import { CHAIN_START, type Chain, type Link } from './chain.ts'
import { type ChainedEntry, entryOf } from './entry.ts'
import type { PendingEvent } from './pending-event.ts'

type Row = ChainedEntry & Link & { readonly previous: string }

interface Head {
  readonly tenantId: string
  readonly seq: number
  readonly hash: string
}

/**
 * Chains events of any number of tenants, in the order given, with a handful of statements however many they are. Those
 * that have an entry are left out. `ofNobody`: how many are of tenants that don't exist.
 */
export async function takeIn(
  transaction: Transaction,
  chain: Chain,
  mode: Mode,
  events: readonly PendingEvent[],
): Promise<{ ofNobody: number }> {
  const tenantIds = [...new Set(events.map(({ tenantId }) => tenantId))]
  const heads = new Map((await lockHeads(transaction, mode, tenantIds)).map((head) => [head.tenantId, head]))
  // After the lock: whoever had it before may have chained some of them.
  const known = await idsOf(transaction, events)
  const rows: Row[] = []
  let ofNobody = 0
  for (const { id, at, tenantId, origin, event } of events) {
    const head = heads.get(tenantId)
    if (!head) ofNobody += 1
    if (!head || known.has(id)) continue
    const entry = { ...entryOf({ tenantId, mode }, origin, event, at, id), seq: head.seq + 1 }
    const link = chain.link(head.hash, entry)
    rows.push({ ...entry, previous: head.hash, ...link })
    heads.set(tenantId, { tenantId, seq: entry.seq, hash: link.hash })
  }
  if (rows.length) {
    await insert(transaction, rows)
    await moveHeads(transaction, mode, [...heads.values()])
    for (const row of rows) await enqueueMessages(transaction, row)
  }
  return { ofNobody }
}

/** In one order, so that two who lock several wait for each other and never crosswise. */
async function lockHeads(transaction: Transaction, mode: Mode, tenantIds: readonly string[]): Promise<Head[]> {
  if (!tenantIds.length) return []
  const find = () => transaction.$queryRaw<Head[]>`
    SELECT tenant_id AS "tenantId", seq, hash FROM audit_head
    WHERE mode = ${mode} AND tenant_id IN (${Prisma.join([...tenantIds])}) ORDER BY tenant_id FOR UPDATE`
  const found = await find()
  if (found.length === tenantIds.length) return found
  await transaction.$executeRaw`
    INSERT INTO audit_head (tenant_id, mode, seq, hash)
    SELECT id, ${mode}, 0, ${CHAIN_START} FROM tenant WHERE id IN (${Prisma.join([...tenantIds])}) ORDER BY id
    ON CONFLICT DO NOTHING`
  return find()
}

async function idsOf(transaction: Transaction, events: readonly PendingEvent[]): Promise<Set<string>> {
  if (!events.length) return new Set()
  // One parameter: hundreds cost more than the query.
  const idsText = JSON.stringify(events.map(({ id }) => id))
  const rows = await transaction.$queryRaw<{ id: string }[]>`
    SELECT id FROM audit_entry WHERE id IN (SELECT jsonb_array_elements_text(${idsText}::jsonb))`
  return new Set(rows.map(({ id }) => id))
}

/** One statement with one parameter: its size is all that grows with the batch. */
async function insert(transaction: Transaction, rows: readonly Row[]): Promise<void> {
  await transaction.$executeRaw`
    INSERT INTO audit_entry (id, tenant_id, mode, seq, at, action, actor_type, actor_id, actor_name, target_type,
      target_id, ip, request_id, details, previous, hash, hash_key)
    SELECT id, "tenantId", mode, seq, at, action, "actorType", "actorId", "actorName", "targetType",
      "targetId", ip, "requestId", details, previous, hash, "hashKey"
    FROM jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) AS entry (
      id text, "tenantId" text, mode text, seq integer, at timestamptz, action text, "actorType" text, "actorId" text,
      "actorName" text, "targetType" text, "targetId" text, ip text, "requestId" text, details jsonb, previous text,
      hash text, "hashKey" text)`
}

async function moveHeads(transaction: Transaction, mode: Mode, heads: readonly Head[]): Promise<void> {
  await transaction.$executeRaw`
    UPDATE audit_head SET seq = head.seq, hash = head.hash
    FROM jsonb_to_recordset(${JSON.stringify(heads)}::jsonb) AS head ("tenantId" text, seq integer, hash text)
    WHERE audit_head.mode = ${mode} AND audit_head.tenant_id = head."tenantId"`
}
