import type { Change } from '../audit/change.ts'
import type { Actor } from '../audit/entry.ts'
import type { Mode } from '../mode/mode.ts'
import type { Database } from '../storage/database.ts'
import type { Claimed } from './claim.ts'
import { updateWebhook } from './webhooks.ts'

/** Milliseconds without a single success, after which nobody is expected to listen any more. */
const PATIENCE = 5 * 86_400_000

const DELIVERY: Actor = { type: 'system', id: 'webhook-delivery', name: 'Webhook delivery' }

/**
 * Whether all that was sent to a webhook for so long has failed. What failed before the last success, or before somebody
 * changed or enabled it, doesn't count.
 */
export async function hasFailedForLong(
  { webhook, webhookMessage }: Pick<Database, 'webhook' | 'webhookMessage'>,
  { webhookId }: Pick<Claimed, 'webhookId'>,
  now: number,
): Promise<boolean> {
  const its = await webhook.findUnique({ where: { id: webhookId }, select: { updatedAt: true } })
  const before = new Date(now - PATIENCE)
  if (!its || its.updatedAt > before) return false
  const failed = { webhookId, deliveredAt: null, attempts: { gt: 0 } }
  const since = await webhookMessage.aggregate({ where: { webhookId }, _max: { deliveredAt: true } })
  const good = since._max.deliveredAt ?? its.updatedAt
  const createdAt = { gte: good > its.updatedAt ? good : its.updatedAt, lte: before }
  return (await webhookMessage.findFirst({ where: { ...failed, createdAt }, select: { id: true } })) !== null
}

/** Of any number of nodes, one writes the entry. */
export async function disableWebhook(
  change: Change,
  { webhookId, tenantId, mode }: Pick<Claimed, 'webhookId' | 'tenantId' | 'mode'>,
  reason: 'gone' | 'failing',
  now: Date,
): Promise<void> {
  await change({ tenantId, mode: mode as Mode }, { actor: DELIVERY }, async (transaction) => {
    // Locks it until the entry is there.
    const enabled = { id: webhookId, disabledAt: null }
    const { count } = await transaction.webhook.updateMany({ where: enabled, data: { updatedAt: now } })
    if (!count) return { result: undefined, events: [] }
    const { result, events } = await updateWebhook(transaction, webhookId, { disabled: true }, now)
    return { result, events: events.map((event) => ({ ...event, details: { ...event.details, reason } })) }
  })
}
