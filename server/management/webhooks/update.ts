import { z } from 'zod'
import { ApiError } from '../../http/problem.ts'
import { updateWebhook } from '../../webhooks/webhooks.ts'
import { operation } from '../operation.ts'
import { mustReadAuditLogs, refuseWrongUrl, webhookFields } from './fields.ts'
import { viewOfWebhook, webhook } from './view.ts'

export const updateWebhookOperation = operation({
  summary: 'Change a webhook, or disable or enable it',
  explanation:
    'What isn’t there stays. A disabled webhook hears of nothing new; what waits for it is sent once it is enabled again, ' +
    'unless that takes longer than 30 days.',
  method: 'PATCH',
  path: '/v1/webhooks/:id',
  requires: 'webhooks:write',
  status: 200,
  body: z.strictObject({ ...webhookFields, status: z.enum(['enabled', 'disabled']) }).partial(),
  answer: webhook,
  async handle({ caller, id, body: { status, ...settings } }, needs) {
    mustReadAuditLogs(caller)
    refuseWrongUrl(settings.url, needs)
    const { change, clock } = needs
    const { url, events, description } = settings
    const changes = {
      ...(url !== undefined && { url }),
      ...(events !== undefined && { events }),
      ...(description !== undefined && { description }),
      ...(status !== undefined && { disabled: status === 'disabled' }),
    }
    const now = new Date(clock.now())
    const row = await change((transaction) => updateWebhook(transaction, id, changes, now))
    if (!row) throw new ApiError('not_found')
    return viewOfWebhook(row)
  },
})
