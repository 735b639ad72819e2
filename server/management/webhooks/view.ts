import { z } from 'zod'
import type { MessageRow } from '../../webhooks/messages.ts'
import type { WebhookRow } from '../../webhooks/webhooks.ts'

const time = z.iso.datetime()

const webhookMembers = {
  id: z.string(),
  url: z.string(),
  description: z.string().nullable(),
  events: z.array(z.string()),
  status: z.enum(['enabled', 'disabled']),
  created_at: time,
  created_by: z.string(),
  updated_at: time,
  disabled_at: time.nullable(),
}

export const webhook = z.strictObject(webhookMembers).meta({ id: 'Webhook' })

const secret = z.string().meta({ description: 'what messages are signed with; shown this once' })

export const webhookWithSecret = z.strictObject({ ...webhookMembers, secret }).meta({ id: 'WebhookWithSecret' })

export const webhookMessage = z
  .strictObject({
    id: z.string().meta({ description: 'the webhook-id that the receiver sees' }),
    event: z.string(),
    status: z.enum(['pending', 'delivered', 'failed']),
    attempts: z.int(),
    outcome: z.string().nullable().meta({ description: 'of the last attempt: the status, or why there was none' }),
    created_at: time,
    next_at: time.nullable().meta({ description: 'of the next attempt, if there is to be one' }),
    delivered_at: time.nullable(),
  })
  .meta({ id: 'WebhookMessage' })

/** Without its secret, which was shown once. */
export const viewOfWebhook = (row: WebhookRow) => ({
  id: row.id,
  url: row.url,
  description: row.description,
  events: row.events,
  status: row.disabledAt ? ('disabled' as const) : ('enabled' as const),
  created_at: row.createdAt,
  created_by: row.createdBy,
  updated_at: row.updatedAt,
  disabled_at: row.disabledAt,
})

export const viewOfMessage = (row: MessageRow) => ({
  id: row.id,
  event: row.event,
  status: row.deliveredAt ? ('delivered' as const) : row.nextAt ? ('pending' as const) : ('failed' as const),
  attempts: row.attempts,
  outcome: row.outcome,
  created_at: row.createdAt,
  next_at: row.nextAt,
  delivered_at: row.deliveredAt,
})
