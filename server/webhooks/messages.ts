import type { Outcome } from '../audit/change.ts'
import { type ChainedEntry, shownEntry } from '../audit/entry.ts'
import { newRecordId } from '../credentials/format.ts'
import type { ScopedTransaction, TenantScope } from '../tenancy/scoped-database.ts'
import { ALL_EVENTS, isWebhookEvent, TEST_EVENT } from './events.ts'

type WebhookTables = Pick<ScopedTransaction, 'webhook' | 'webhookMessage'>

/**
 * Writes a message for each webhook that listens to an entry of the audit log, in the transaction of the entry: there is
 * one without the other in no case. The chain's head is locked by then, so no webhook is deleted meanwhile.
 */
export async function enqueueMessages(transaction: WebhookTables, entry: ChainedEntry): Promise<void> {
  if (!isWebhookEvent(entry.action)) return
  const scope = { tenantId: entry.tenantId, mode: entry.mode }
  const webhooks = await transaction.webhook.findMany({
    where: { ...scope, disabledAt: null, events: { hasSome: [entry.action, ALL_EVENTS] } },
    select: { id: true },
  })
  if (!webhooks.length) return
  const body = bodyOf(entry.action, entry.at, shownEntry(entry))
  const common = { ...scope, event: entry.action, body, nextAt: entry.at, createdAt: entry.at }
  await transaction.webhookMessage.createMany({
    data: webhooks.map(({ id }) => ({ ...common, id: newRecordId('msg'), webhookId: id })),
  })
}

/** Standard Webhooks 1.0.0, "Payload structure". */
const bodyOf = (type: string, at: Date, data: object): string =>
  JSON.stringify({ type, timestamp: at.toISOString(), data })

export type MessageRow = Awaited<ReturnType<ScopedTransaction['webhookMessage']['findFirstOrThrow']>>

const targetOf = (id: string) => ({ type: 'webhook', id })

/** What a test sends: nothing of the tenant's but the webhook's own id. Undefined if there is no such webhook. */
export async function sendTest(
  transaction: ScopedTransaction,
  scope: TenantScope,
  webhookId: string,
  now: Date,
): Promise<Outcome<MessageRow | 'disabled' | undefined>> {
  const webhook = await transaction.webhook.findFirst({ where: { id: webhookId } })
  if (!webhook || webhook.disabledAt) return { result: webhook ? 'disabled' : undefined, events: [] }
  const message = { id: newRecordId('msg'), webhookId, event: TEST_EVENT, createdAt: now, nextAt: now }
  const body = bodyOf(TEST_EVENT, now, { webhook_id: webhookId })
  const row = await transaction.webhookMessage.create({ data: { ...scope, ...message, body } })
  return { result: row, events: [{ action: 'webhook.tested', target: targetOf(webhookId) }] }
}

/**
 * The one that is named, whatever came of it, or else all that were given up; how many. Undefined if there is no such
 * webhook.
 */
export async function resendMessages(
  transaction: ScopedTransaction,
  webhookId: string,
  messageId: string | undefined,
  now: Date,
): Promise<Outcome<number | undefined>> {
  if (!(await transaction.webhook.findFirst({ where: { id: webhookId } }))) return { result: undefined, events: [] }
  const which = messageId === undefined ? { nextAt: null, deliveredAt: null } : { id: messageId }
  const { count } = await transaction.webhookMessage.updateMany({
    where: { webhookId, ...which },
    data: { attempts: 0, nextAt: now, deliveredAt: null },
  })
  if (!count) return { result: 0, events: [] }
  const details = messageId === undefined ? { messages: count } : { message_id: messageId }
  return { result: count, events: [{ action: 'webhook.resent', target: targetOf(webhookId), details }] }
}
