import { z } from 'zod'
import { ApiError } from '../../http/problem.ts'
import { createWebhook, MOST_WEBHOOKS } from '../../webhooks/webhooks.ts'
import { operation } from '../operation.ts'
import { mustReadAuditLogs, refuseWrongUrl, webhookFields } from './fields.ts'
import { viewOfWebhook, webhookWithSecret } from './view.ts'

export const createWebhookOperation = operation({
  summary: 'Create a webhook',
  explanation:
    'What happens is posted to `url`, signed as Standard Webhooks describes, with the `secret` that is shown this once. ' +
    'It needs `audit-logs:read` as well, because a webhook passes on what the audit log says.',
  method: 'POST',
  path: '/v1/webhooks',
  requires: 'webhooks:write',
  status: 201,
  body: z.strictObject(webhookFields),
  answer: webhookWithSecret,
  async handle({ caller, body }, needs) {
    mustReadAuditLogs(caller)
    refuseWrongUrl(body.url, needs)
    const { scope, change, clock, webhooks } = needs
    const { url, events, description = null } = body
    const settings = { url, events, description, createdBy: caller.actor.id }
    const now = new Date(clock.now())
    const made = await change((transaction) => createWebhook(transaction, scope, webhooks.masterKeys, settings, now))
    if (made === 'too_many') throw new ApiError('conflict', { detail: `at most ${MOST_WEBHOOKS} webhooks` })
    return { ...viewOfWebhook(made.row), secret: made.secret }
  },
})
